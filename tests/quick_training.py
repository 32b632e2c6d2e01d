"""Words of a command line with which a network trains for one epoch in a second."""

QUICK = (
    "trainer=cpu",
    "trainer.max_epochs=1",
    "torch.threads=1",
    "trainer.precision=32-true",
    "quota={malignant: 6, benign: 6, outside: 4, negative: 4}",
)
