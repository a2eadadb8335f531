#!/bin/bash
# python3: json over a large file, sqlite, mmap, zlib, hashing, files.
set -eu
python3 - <<'EOP'
import hashlib, json, mmap, os, random, shutil, sqlite3, tempfile, zlib, struct, pathlib, array

random.seed(1)
rows = [{"id": i, "name": "n%d" % i, "values": [random.random() for _ in range(6)], "nested": {"a": [None, True, i]}} for i in range(12000)]
d = tempfile.mkdtemp(); path = os.path.join(d, "big.json")
with open(path, "w") as f: json.dump(rows, f)
print(os.path.getsize(path))
with open(path) as f: back = json.load(f)
print(back == rows, sum(r["id"] for r in back))
data = open(path, "rb").read()
print(hashlib.sha256(data).hexdigest(), zlib.crc32(data), len(zlib.compress(data, 1)) < len(data))
with open(path, "r+b") as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as m:
    print(m.find(b'"id": 11999') > 0, m[-2:])
with open(os.path.join(d, "m"), "w+b") as f:
    f.truncate(100000)
    with mmap.mmap(f.fileno(), 0) as m:
        m[50000:50005] = b"hello"; m.flush()
    f.seek(50000); print(f.read(5))
db = sqlite3.connect(os.path.join(d, "t.db"))
db.execute("create table t(id integer primary key, x real)")
db.executemany("insert into t values (?, ?)", ((r["id"], r["values"][0]) for r in rows)); db.commit()
print(db.execute("select count(*), round(sum(x), 6) from t where id % 3 = 0").fetchone())
db.close()
os.mkdir(os.path.join(d, "sub")); pathlib.Path(d, "sub", "x").write_text("hi"); os.replace(os.path.join(d, "sub", "x"), os.path.join(d, "y"))
print(sorted(os.listdir(d)), sorted(e.name for e in os.scandir("/usr/share/common-licenses")))
shutil.copytree("/usr/share/common-licenses", os.path.join(d, "lic"), symlinks=True)
print(len(os.listdir(os.path.join(d, "lic")))); shutil.rmtree(d); print(os.path.exists(d))
print(struct.unpack("<IH", struct.pack("<IH", 7, 9)), sum(array.array("d", range(1000))))
print(len(list(pathlib.Path("/usr/lib/python3").rglob("*.py"))))
EOP
