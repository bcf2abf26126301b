"""The paper's algorithm, ProxylessNAS over layers of operations. Sequence Search, Sec. II.B."""
