"""Installs the peers: ``python -m benchmarks.suite.peers``."""

from benchmarks.suite import peers

for sentence in peers.install():
    print(f"{sentence}. It takes no part.")
