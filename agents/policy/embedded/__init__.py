"""The embedded policy: the small model that ships with simctl.

Made by `simctl school --seed 1 --out DIR`, whose files lie beside this one.
"""

from pathlib import Path

PATH = Path(__file__).parent
SEED = 1  # of the school that made it
SHA256 = "8cf6d2355336ba2668e2e5e536e1f4d690aa395068ffcb2b1bad7471aa39366e"  # of model.safetensors
