"""What populations are made of: stacked networks, optimisers, normalisers, rollouts and buffers."""
