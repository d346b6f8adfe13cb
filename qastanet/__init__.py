"""QASTAnet: predict how good coded spatial audio sounds."""
