"""What a stored operation of half a kilobyte costs: memory of the server, and disk."""

from benchmarks.serving.options import Options
from benchmarks.serving.rounds import Column, Table
from benchmarks.serving.servers import lro_serve
from benchmarks.serving.stores import Places

COLUMNS = {
    "memory_bytes": Column(title="bytes of memory each"),
    "disk_bytes": Column(title="bytes on disk each"),
}


def measure(options: Options) -> dict[str, Table]:
    """Measures it on each store: a server on an empty one beside a server on a full one."""
    count = 10_000 if options.quick else 100_000
    table = Table(title=f"A stored operation, of {count:,}", columns=COLUMNS)
    with Places(options.folder) as places:
        for kind in options.kinds:
            resident, disk = [], []
            for operations in (0, count):
                url = places.new(kind, operations)
                with lro_serve(
                    options.folder, url, operations=operations, environment=options.environment
                ) as server:
                    resident.append(server.resident_kib() * 1024)
                disk.append(places.bytes_of(url) if url else 0)
            figures = {"memory_bytes": max(0.0, (resident[1] - resident[0]) / count)}
            if kind != "memory":
                figures["disk_bytes"] = (disk[1] - disk[0]) / count
            table.add(kind, figures)
    return {"storage": table}
