"""The science of the GAN loss benchmark: losses, nets, data, metrics and one trainer for all of them."""

from gan_zoo.numerics.environment import settle

settle()
