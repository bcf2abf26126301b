"""What a design costs and risks: its sensitivity to errors, and trade-offs between loss and a cost."""
