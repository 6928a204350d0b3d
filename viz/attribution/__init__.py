"""What there is to know about attribution without computing any: the table of methods.

Apart from the lenses, because pages read it and must not import torch.
"""
