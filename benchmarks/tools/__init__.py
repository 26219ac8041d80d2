"""Commands beside the sweep: verify losses, write their docs, score images, list what there is, tune."""
