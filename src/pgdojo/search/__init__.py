"""How a passage is found: encoder, vectors (FAISS), words (BM25), fusion."""
