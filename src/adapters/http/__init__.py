"""Between bytes and use cases: what is sent is read strictly, what went wrong is told as a problem."""
