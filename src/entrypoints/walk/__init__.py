"""A client that walks every endpoint of a running server over HTTP: it knows the contract, and no code of ours."""
