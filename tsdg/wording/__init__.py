"""How models write: what both the steps and the verifiers must know of it, tables beside code."""
