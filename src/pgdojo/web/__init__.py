"""The pages in the browser and the JSON beside them: take the input, call one service, draw the result."""
