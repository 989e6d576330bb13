"""Files of the instruments that say how good RNA is; each reader is pure and knows one of them."""
