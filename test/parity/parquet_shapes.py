"""Small parquet files as pyarrow and DuckDB write them: every shape of an image column, every codec, odd values.

Run: /opt/parity-venv/bin/python test/parity/parquet_shapes.py   (pyarrow, duckdb; writes test/fixtures/parquet/)

Every file of `images/` holds the two rows `a` and `b` whose image is RED; `index.json` says what else is
expected of each row. Files of `codecs/` hold 40 rows without images; those of `values/` hold one odd value each.
"""
import base64
import decimal
import json
import pathlib
import shutil
import struct
import zlib

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

OUT = pathlib.Path(__file__).parents[1] / "fixtures" / "parquet"


def png(colour):
    """An 8 × 8 PNG of one colour, the same bytes on every machine."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    raw = b"".join(b"\0" + bytes(colour) * 8 for _ in range(8))
    stored = b"\x78\x01\x01" + struct.pack("<HH", len(raw), len(raw) ^ 0xFFFF) + raw
    stored += struct.pack(">I", zlib.adler32(raw))
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", stored) + chunk(b"IEND", b"")


RED = png((200, 30, 30))
BLUE = png((30, 30, 200))
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def texts(count=2):
    ids = [chr(ord("a") + i) for i in range(count)]
    return {
        "id": pa.array(ids),
        "problem": pa.array([f"Which side, {i}?" for i in ids]),
        "solution": pa.array(["<CT_SCAN>left"] * count),
    }


def write(name, columns, **options):
    path = OUT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, **{"store_schema": False, **options})


def image_shapes():
    """Name of the file to column and number of images of each row."""
    both = [RED, RED]
    yield "binary", pa.array(both, pa.binary()), [1, 1]
    yield "large-binary", pa.array(both, pa.large_binary()), [1, 1]
    yield "binary-view", pa.array(both, pa.binary_view()), [1, 1]
    yield "fixed-binary", pa.array(both, pa.binary(len(RED))), [1, 1]
    yield "dictionary-of-binary", pa.array(both, pa.binary()).dictionary_encode(), [1, 1]
    yield "binary-and-null", pa.array([RED, None], pa.binary()), [1, 0]
    yield "list-of-binary", pa.array([[RED], [RED, BLUE]], pa.list_(pa.binary())), [1, 2]
    yield "large-list-of-large-binary", pa.array([[RED], [RED]], pa.large_list(pa.large_binary())), [1, 1]
    yield "list-of-fixed-binary", pa.array([[RED], [RED]], pa.list_(pa.binary(len(RED)))), [1, 1]
    yield "fixed-list-of-binary", pa.array([[RED], [RED]], pa.list_(pa.binary(), 1)), [1, 1]
    yield "list-with-nulls", pa.array([[None, RED], []], pa.list_(pa.binary())), [1, 0]
    yield "struct", pa.array([{"bytes": RED, "path": "r.png"}, {"bytes": RED, "path": None}], IMAGE), [1, 1]
    yield "struct-and-null", pa.array([{"bytes": RED, "path": None}, None], IMAGE), [1, 0]
    listed = [[{"bytes": RED, "path": "r.png"}], [{"bytes": RED, "path": None}, {"bytes": BLUE, "path": None}]]
    yield "list-of-struct", pa.array(listed, pa.list_(IMAGE)), [1, 2]
    large = pa.struct([("path", pa.large_string()), ("bytes", pa.large_binary())])
    yield "list-of-large-struct", pa.array([[{"bytes": RED, "path": "r"}]] * 2, pa.list_(large)), [1, 1]
    yield "path", pa.array(["r.png", "r.png"]), [1, 1]
    yield "path-as-binary", pa.array([b"r.png", b"r.png"], pa.binary()), [1, 1]
    yield "list-of-path-as-binary", pa.array([[b"r.png"], []], pa.list_(pa.binary())), [1, 0]
    pathed = pa.struct([("bytes", pa.binary()), ("path", pa.binary())])
    yield "struct-of-path-as-binary", pa.array([{"bytes": None, "path": b"r.png"}] * 2, pathed), [1, 1]
    text = base64.b64encode(RED).decode()
    yield "base64", pa.array([text, text]), [1, 1]
    yield "base64-as-binary", pa.array([text.encode()] * 2, pa.binary()), [1, 1]
    yield "data-url", pa.array([f"data:image/png;base64,{text}"] * 2), [1, 1]


CODECS = ["NONE", "SNAPPY", "GZIP", "BROTLI", "ZSTD", "LZ4"]


def codec_files():
    rows = {**texts(2)}
    rows = {name: pa.array(column.to_pylist() * 20) for name, column in rows.items()}
    rows["id"] = pa.array([f"row {i}" for i in range(40)])
    rows["source"] = pa.nulls(40, pa.string())
    for codec in CODECS:
        for version in ("1.0", "2.0"):
            write(
                f"codecs/arrow-{codec.lower()}-page-{version[0]}.parquet",
                rows,
                compression=codec,
                data_page_version=version,
                data_page_size=256,
                row_group_size=16,
            )
    write("codecs/arrow-delta.parquet", rows, compression="NONE", use_dictionary=False, column_encoding={
        "id": "DELTA_BYTE_ARRAY", "problem": "DELTA_LENGTH_BYTE_ARRAY", "solution": "DELTA_BYTE_ARRAY", "source": "PLAIN",
    })
    empty_groups = OUT / "codecs" / "arrow-empty-groups.parquet"
    table = pa.table(rows)
    with pq.ParquetWriter(empty_groups, table.schema, store_schema=False) as writer:
        writer.write_table(table.slice(0, 0))
        writer.write_table(table.slice(0, 20))
        writer.write_table(table.slice(0, 0))
        writer.write_table(table.slice(20, 20))


def value_files():
    write("values/latin1-binary.parquet", {**texts(), "problem": pa.array([b"Wo ist die L\xe4sion?", b"Where?"])})
    write("values/text-as-binary.parquet", {**texts(), "problem": pa.array(["Wo ist die Läsion?".encode(), b"Where?"])})
    write("values/large-text.parquet", {**texts(), "problem": pa.array(["Läsion?", "Where?"], pa.large_string())})
    write("values/dictionary-text.parquet", {**texts(), "problem": pa.array(["Läsion?", "Where?"]).dictionary_encode()})
    big = [12345678901234567001, 12345678901234567002]
    write("values/uint64-id.parquet", {**texts(), "id": pa.array(big, pa.uint64())})
    write("values/int64-id.parquet", {**texts(), "id": pa.array([9007199254740993, -9007199254740993], pa.int64())})
    decimals = [decimal.Decimal(i) for i in big]
    write("values/decimal-id.parquet", {**texts(), "id": pa.array(decimals, pa.decimal128(38, 0))})
    scaled = [decimal.Decimal("12345678901234567.89"), decimal.Decimal("-0.50")]
    write("values/scaled-decimal-id.parquet", {**texts(), "id": pa.array(scaled, pa.decimal128(19, 2))})
    write("values/small-decimal-id.parquet", {**texts(), "id": pa.array([decimal.Decimal("7"), None], pa.decimal128(9, 0))})
    write("values/nan-solution.parquet", {**texts(), "solution": pa.array([float("nan"), float("inf")])})
    write("values/boolean-solution.parquet", {**texts(), "solution": pa.array([True, False])})
    write("values/list-problem.parquet", {**texts(), "problem": pa.array([["Which?"], ["Which?"]])})


def duck_files():
    db = duckdb.connect()
    db.execute("CREATE TABLE images (id VARCHAR, problem VARCHAR, solution VARCHAR, bytes BLOB)")
    for row in ("a", "b"):
        db.execute("INSERT INTO images VALUES (?, ?, '<CT_SCAN>left', ?)", [row, f"Which side, {row}?", RED])
    shapes = {
        "duckdb-blob": "bytes",
        "duckdb-list-of-blob": "[bytes]",
        "duckdb-struct": "{'bytes': bytes, 'path': 'r.png'}",
        "duckdb-list-of-struct": "[{'bytes': bytes, 'path': NULL::VARCHAR}]",
        "duckdb-base64": "base64(bytes)",
    }
    for name, expression in shapes.items():
        columns = f"id, problem, solution, {expression} AS image"
        db.execute(f"COPY (SELECT {columns} FROM images ORDER BY id) TO '{OUT}/images/{name}.parquet' (FORMAT parquet)")
        yield name, [1, 1]
    rows = "SELECT 'row ' || i AS id, NULL::VARCHAR AS source, 'Which side?' AS problem, '<CT_SCAN>left' AS solution FROM range(40) t(i)"
    for codec in ("uncompressed", "snappy", "gzip", "zstd", "lz4_raw", "brotli"):
        db.execute(f"COPY ({rows}) TO '{OUT}/codecs/duckdb-{codec}.parquet' (FORMAT parquet, COMPRESSION {codec})")
    for version in ("V1", "V2"):
        db.execute(f"COPY ({rows}) TO '{OUT}/codecs/duckdb-{version.lower()}.parquet' (FORMAT parquet, PARQUET_VERSION {version})")
    db.execute(f"COPY ({rows} LIMIT 0) TO '{OUT}/values/duckdb-no-rows.parquet' (FORMAT parquet)")
    odd = {
        "ubigint-id": "12345678901234567001::UBIGINT AS id, problem",
        "decimal-id": "12345678901234567001::DECIMAL(38,0) AS id, problem",
        "uuid-id": "'0b0e7d5a-2f6d-4f35-9d64-0a1f0f9a7c11'::UUID AS id, problem",
        "json-problem": "id, to_json(problem) AS problem",
        "date-id": "DATE '2024-02-29' AS id, problem",
    }
    for name, columns in odd.items():
        db.execute(f"COPY (SELECT {columns}, solution FROM images WHERE id = 'a') TO '{OUT}/values/duckdb-{name}.parquet' (FORMAT parquet)")


shutil.rmtree(OUT, ignore_errors=True)
for folder in ("images", "codecs", "values"):
    (OUT / folder).mkdir(parents=True)
(OUT / "images" / "r.png").write_bytes(RED)
counts = {}
for name, column, rows in image_shapes():
    write(f"images/{name}.parquet", {**texts(), "image": column})
    counts[name] = rows
for name, rows in duck_files():
    counts[name] = rows
codec_files()
value_files()
(OUT / "images" / "index.json").write_text(json.dumps(counts, indent=2) + "\n")
(OUT / "README.md").write_text(f"""# Parquet files of other writers

Written by `test/parity/parquet_shapes.py` with pyarrow {pa.__version__} and DuckDB {duckdb.__version__}; read by
`src/data/parquet-shapes.test.ts`. `images/index.json` says how many images each row of a file has.
""")
