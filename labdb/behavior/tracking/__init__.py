"""From what a tracker wrote to an SI test: where zones lie, who was in the box, and what is stored."""
