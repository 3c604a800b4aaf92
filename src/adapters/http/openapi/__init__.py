"""The contract as OpenAPI 3.1, written from the tables and structs that the service itself goes by."""
