"""The embedded policy: the small model that ships with simctl.

Made by `simctl school --seed 0 --out DIR`, whose files lie beside this one.
"""

from pathlib import Path

PATH = Path(__file__).parent
SHA256 = "c2044be1da879f64d64e2005c8465fec82291f8c848106d004e011c7e2a72b40"  # of model.safetensors
