"""What can be said of measures of trust without a network: their table, intervals, the ranking and
the shortcut trap. Nothing here imports torch.
"""
