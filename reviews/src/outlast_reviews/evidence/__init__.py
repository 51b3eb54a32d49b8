"""Evidence files: a signed, dated document of one analysis that a trader can keep, and its verification."""
