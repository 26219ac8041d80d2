"""The science of the GAN loss benchmark: losses, nets, data, metrics and one trainer for all of them."""
