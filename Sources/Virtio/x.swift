import PCI
