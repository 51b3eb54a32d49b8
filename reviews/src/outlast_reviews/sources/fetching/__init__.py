"""Addresses of products and their pages, fetched without reaching a private network."""
