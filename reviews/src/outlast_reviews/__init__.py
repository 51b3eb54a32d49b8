"""The product: an analysis of the reviews of a shop's product."""
