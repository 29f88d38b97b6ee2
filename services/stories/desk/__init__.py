"""The desk: what a municipality does with the stories that it receives, from reading them to what came of them."""
