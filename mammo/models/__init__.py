"""Networks: f_loc, the context network (GMIC) and f_agg, with their layers, losses, metrics and precision."""
