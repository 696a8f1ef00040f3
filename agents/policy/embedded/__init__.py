"""The embedded policy: the small model that ships with simctl.

Made by `simctl school --seed 0 --out DIR`, whose files lie beside this one.
"""

from pathlib import Path

PATH = Path(__file__).parent
SHA256 = "8ddc412dea3acd15d4233bb7a1166ac236d4fe0271a269bc994bf2acbd863ba1"  # of model.safetensors
