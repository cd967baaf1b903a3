"""How notices leave the house: one small file for each channel."""
