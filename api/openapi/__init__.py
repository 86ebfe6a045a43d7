"""The REST interface as an OpenAPI document, made from the tables of routes and from what stands above each handler."""
