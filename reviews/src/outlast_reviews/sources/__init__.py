"""Sources of reviews: files, pages of shops, and providers; `gathering` joins them."""
