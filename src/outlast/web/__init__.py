"""The ASGI edge: the HTTP API, the pages, and the one place that decides who may do what."""
