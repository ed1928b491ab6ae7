"""Archives, compression, mirrors and databases."""

from __future__ import annotations

from roar.testing.capture.case import Case, case, have

CASES: list[Case] = [
    case("tar makes", "tar cf t.tar a b", "a b", "t.tar"),
    case("tar extracts", "tar cf t.tar a b; mkdir x; tar xf t.tar -C x", "a b", "t.tar x/a x/b"),
    case("tar lists", "tar cf t.tar a; tar tf t.tar > out", "a", "t.tar out"),
    case("tar in a pipe", "tar cf - a sub | (mkdir x; tar xf - -C x)", "a sub/x", "x/a x/sub/x"),
    case("tar compressed", "tar czf t.tgz a sub; mkdir x; tar xzf t.tgz -C x", "a sub/x", "t.tgz x/a x/sub/x"),
    case("tar over", "tar cf t.tar a; tar xf t.tar", "a", "t.tar a"),
    case("tar over, in place", "tar cf t.tar a; tar xf t.tar --overwrite", "a", "t.tar a"),
    case("tar keeps", "tar cf t.tar a; tar xkf t.tar 2>/dev/null; :", "a", "t.tar"),
    case("tar to stdout", "tar cf t.tar a; tar xOf t.tar > out", "a", "t.tar out"),
    case("tar removes", "tar cf t.tar --remove-files a", "a", "t.tar"),
    case("tar appends", "tar cf t.tar a; tar rf t.tar b", "a b", "t.tar"),
    case("tar deletes a member", "tar cf t.tar a b; tar --delete -f t.tar a", "a b", "t.tar"),
    case("tar with links", "ln a z; tar cf t.tar a z old; mkdir x; tar xf t.tar -C x", "a", "z t.tar x/a x/z"),
    case("gzip", "gzip a", "a", "a.gz"),
    case("gzip kept", "gzip -k a; gunzip -c a.gz > out", "a", "a.gz out"),
    case("gunzip", "gzip -c a > z.gz; rm a; gunzip z.gz", "a", "z"),
]
if have("zip", "unzip"):
    CASES += [
        case("zip", "zip -q o.zip a b", "a b", "o.zip"),
        case("zip updated", "zip -q o.zip a; zip -q o.zip b", "a b", "o.zip"),
        case("zip moves", "zip -qm o.zip a", "a", "o.zip"),
        case("zip deletes a member", "zip -q o.zip a b; zip -qd o.zip a", "a b", "o.zip"),
        case("unzip", "zip -q o.zip a; mkdir x; unzip -q o.zip -d x", "a", "o.zip x/a"),
        case("unzip over", "zip -q o.zip a; unzip -qo o.zip", "a", "o.zip a"),
        case("unzip to stdout", "zip -q o.zip a; unzip -p o.zip > out", "a", "o.zip out"),
    ]
if have("xz"):
    CASES += [case("xz", "xz a", "a", "a.xz"), case("xz kept", "xz -k a; xz -dc a.xz > out", "a", "a.xz out")]
if have("bzip2"):
    CASES.append(case("bzip2", "bzip2 a", "a", "a.bz2"))
if have("zstd"):
    CASES += [
        case("zstd", "zstd -q a", "a", "a.zst"),
        case("zstd removes", "zstd -q --rm a; zstd -qd a.zst -o out", "a", "a.zst out"),
    ]
if have("rsync"):
    CASES += [
        case("rsync", "rsync -a sub/ copy.d/", "sub/x", "copy.d/x"),
        case("rsync again", "rsync -a sub/ copy.d/; rsync -a sub/ copy.d/", "sub/x", "copy.d/x"),
        case("rsync in place", "rsync -a --inplace --no-whole-file a b", "a b", "b"),
        case("rsync removes its source", "rsync -a --remove-source-files sub/ copy.d/", "sub/x", "copy.d/x"),
        case("rsync deletes", "mkdir d; echo 1 > d/old; rsync -a --delete sub/ d/", "sub/x", "d/x"),
        case("rsync links", "rsync -a sub/ d/; rsync -a --link-dest=$PWD/d sub/ e/", "sub/x", "d/x e/x"),
        case("rsync by checksum", "rsync -ac sub/ d/", "sub/x", "d/x"),
    ]
if have("sqlite3"):
    CASES += [
        case("sqlite3 makes", "sqlite3 o.db 'create table t(x); insert into t values (1)'", "", "o.db"),
        case("sqlite3 reads", "sqlite3 have.db 'select * from t'", "have.db"),
        case("sqlite3 changes", "sqlite3 have.db 'insert into t values (1)'", "have.db", "have.db"),
        case("sqlite3 WAL", "sqlite3 o.db 'pragma journal_mode=wal; create table t(x)' > /dev/null", "", "o.db"),
        case("sqlite3 dump", "sqlite3 have.db .dump > out", "have.db", "out"),
        case("sqlite3 backup", "sqlite3 have.db '.backup out.db'", "have.db", "out.db"),
        case("sqlite3 vacuum into", "sqlite3 have.db \"vacuum into 'out.db'\"", "have.db", "out.db"),
        case("sqlite3 imports", "sqlite3 o.db '.mode csv' '.import table.csv t'", "table.csv", "o.db"),
        case("sqlite3 attaches", "sqlite3 o.db \"attach 'have.db' as h; create table c as select * from h.t\"", "have.db", "o.db"),
    ]  # fmt: skip
