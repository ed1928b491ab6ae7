"""Real tools: how they open, replace and delete files."""

from __future__ import annotations

from capture.cases import Case, case, have

CASES: list[Case] = [
    case("cp", "cp a out", "a", "out"),
    case("cp over", "cp a b", "a", "b"),
    case("cp tree", "cp -r sub copy", "sub/x", "copy/x"),
    case("cp archive", "cp -a sub copy", "sub/x", "copy/x"),
    case("cp hard links", "cp -l a out", "a", "out"),
    case("cp symbolic link", "cp -s $PWD/a out", "", ""),
    case("cp a link's target", "cp old out", "a", "out"),
    case("cp a link itself", "cp -d old out", "", ""),
    case("cp forced", "chmod 400 b; cp -f a b", "a", "b"),
    case("cp reflink", "cp --reflink=auto a out", "a", "out"),
    case("cp backup", "cp --backup=simple a b", "a b", "b b~"),
    case("cp update", "cp -u a out", "a", "out"),
    case("mv over", "mv a b", "a", "b"),
    case("mv no clobber", "mv -n a b", "", "", code=None),
    case("mv across file systems", "mv a /dev/shm/roar-case-$$; mv /dev/shm/roar-case-$$ out", "a", "out"),
    case("install", "install -m 600 a out", "a", "out"),
    case("install a directory", "install -D a d/e/out", "a", "d/e/out"),
    case("ln forced", "ln -f a b", "a", "b"),
    case("ln symbolic forced", "ln -sf a b; cat b", "a", ""),
    case("link and unlink", "link a z; unlink z", "a", ""),
    case("rm tree", "mkdir d; echo x > d/f; rm -r d sub", "", ""),
    case("sed in place", "sed -i s/alpha/omega/ a", "a", "a"),
    case("sed in place, backup", "sed -i.bak s/alpha/omega/ a", "a", "a a.bak"),
    case("sed w", "sed -n 'w out' a", "a", "out"),
    case("awk prints", "awk '{ print > \"out\" }' a", "a", "out"),
    case("awk getline", "awk 'BEGIN { while ((getline l < \"a\") > 0) print l > \"out\" }'", "a", "out"),
    case("sort in place", "sort -o lines lines", "lines", "lines"),
    case("sort to", "sort lines -o out", "lines", "out"),
    case("sort merge", "sort -m a b > out", "a b", "out"),
    case("sort spills", "seq 20000 > n; sort -S 64K -T . -o out n; rm n", "", "out"),
    case("uniq to", "uniq lines out", "lines", "out"),
    case("split", "split -l 2 lines part.", "lines", "part.aa part.ab"),
    case("csplit", "csplit -s lines 3", "lines", "xx00 xx01"),
    case("paste, join, comm, cut", "paste a b | cut -f1 > out; comm a b > out2; join a b > out3", "a b", "out out2 out3"),
    case("head and tail", "head -c 3 a > out; tail -n 1 lines > out2", "a lines", "out out2"),
    case("tac, rev, nl, fold", "tac lines | rev | nl | fold > out", "lines", "out"),
    case("dd", "dd if=a of=out 2>/dev/null", "a", "out"),
    case("dd into", "dd if=a of=b conv=notrunc bs=1 count=2 2>/dev/null", "a b", "b"),
    case("truncate to nothing", "truncate -s 0 a", "", "a"),
    case("truncate shorter", "truncate -s 2 a", "a", "a"),
    case("truncate new", "truncate -s 9 out", "", "out"),
    case("shred", "shred -n 1 -u a", "", ""),
    case("tee", "cat a | tee o1 o2 > /dev/null", "a", "o1 o2"),
    case("tee append", "cat a | tee -a b new > /dev/null", "a b", "b new"),
    case("find exec", "find sub -type f -exec cat {} + > out", "sub/x", "out"),
    case("find delete", "find . -name lines -delete", "", ""),
    case("find prints to", "find sub -fprint out", "", "out"),
    case("grep", "grep -r x sub > out; grep -l alpha a b > out2", "sub/x a b", "out out2"),
    case("cmp and diff", "cmp a b > out; diff a b > out2", "a b", "out out2", code=1),
    case("sums", "sha256sum a > out; md5sum -c /dev/null 2>/dev/null; sha256sum -c out", "a", "out"),
    case("od, wc, base64, strings", "od a > o1; wc a > o2; base64 a > o3", "a", "o1 o2 o3"),
    case("tar makes", "tar cf t.tar a b", "a b", "t.tar"),
    case("tar extracts", "tar cf t.tar a b; mkdir x; tar xf t.tar -C x", "a b", "t.tar x/a x/b"),
    case("tar compressed", "tar czf t.tgz a sub; mkdir x; tar xzf t.tgz -C x", "a sub/x", "t.tgz x/a x/sub/x"),
    case("tar over", "tar cf t.tar a; tar xf t.tar", "a", "t.tar a"),
    case("tar removes", "tar cf t.tar --remove-files a", "a", "t.tar"),
    case("tar appends", "tar cf t.tar a; tar rf t.tar b", "a b", "t.tar"),
    case("gzip", "gzip a", "a", "a.gz"),
    case("gzip kept", "gzip -k a; gunzip -c a.gz > out", "a", "a.gz out"),
    case("gunzip", "gzip -c a > z.gz; rm a; gunzip z.gz", "a", "z"),
    case("mktemp", "t=$(mktemp ./XXXXXX); cat a > $t; mv $t out", "a", "out"),
    case("patch" if have("patch") else "ed-less", "patch -s a p.patch" if have("patch") else "cat a p.patch", "a p.patch",
         "a" if have("patch") else ""),
    case("make", "make -s prog", "Makefile m.c m.h", "prog"),
    case("make twice", "make -s prog; make -s prog", "Makefile m.c m.h", "prog"),
    case("make parallel", "printf 'all: x y z\\nx y z: a\\n\\tcat a > $@\\n' > M; make -s -j3 -f M; rm M", "a", "x y z"),
    case("cc", "cc -c m.c -o m.o", "m.c m.h", "m.o"),
    case("cc and run", "cc -o prog m.c; ./prog", "m.c m.h", "prog"),
    case("cc, ar, link, strip", "echo 'int f(void){return 0;}' > f.c; cc -c f.c; ar rc libf.a f.o; cc -o p m.c libf.a; strip p; rm f.c f.o",
         "m.c m.h", "libf.a p"),
    case("cc dependency file", "cc -MMD -c m.c -o m.o", "m.c m.h", "m.o m.d"),
    case("cc shared, loaded by name", "echo 'int g(void){return 0;}' > g.c; cc -shared -fPIC -o libg.so g.c; rm g.c; echo x > out",
         "", "libg.so out"),
    case("perl", ("perl", "-e", "open F,'<','a';<F>;open G,'>','out';print G 1;close G;exec 'cat b'"), "a b", "out"),
    case("perl in place", ("perl", "-i", "-pe", "s/alpha/omega/", "a"), "a", "a"),
    case("perl in place, backup", ("perl", "-i.orig", "-pe", "s/alpha/omega/", "a"), "a", "a a.orig"),
    case("perl backticks", ("perl", "-e", "%ENV=(); $x = `/bin/cat a`; open G,'>','out';print G $x"), "a", "out"),
    case("git diff of two files", "git diff --no-index a b > out", "a b", "out", code=1),
    case("git hash-object", "git hash-object a > out", "a", "out"),
]  # fmt: skip
if have("zip") and have("unzip"):
    CASES += [
        case("zip", "zip -q o.zip a b", "a b", "o.zip"),
        case("zip updated", "zip -q o.zip a; zip -q o.zip b", "a b", "o.zip"),
        case("unzip", "zip -q o.zip a; mkdir x; unzip -q o.zip -d x", "a", "o.zip x/a"),
    ]
if have("sqlite3"):
    CASES += [
        case("sqlite3 makes", "sqlite3 o.db 'create table t(x); insert into t values (1)'", "", "o.db"),
        case("sqlite3 reads", "sqlite3 have.db 'select * from t'", "have.db", ""),
        case("sqlite3 changes", "sqlite3 have.db 'insert into t values (1)'", "have.db", "have.db"),
        case("sqlite3 WAL", "sqlite3 o.db 'pragma journal_mode=wal; create table t(x)' > /dev/null", "", "o.db"),
        case("sqlite3 dump", "sqlite3 have.db .dump > out", "have.db", "out"),
    ]
if have("node"):
    CASES += [
        case("node", ("node", "-e", "const f=require('fs');f.writeFileSync('out',f.readFileSync('a'));f.copyFileSync('b','out2')"),
             "a b", "out out2"),
        case("node child", ("node", "-e", "require('child_process').execSync('cat a > out',{env:{}})"), "a", "out"),
        case("node promises", ("node", "-e", "require('fs').promises.rename('a','z')"), "a", "z"),
    ]  # fmt: skip
if have("xz"):
    CASES.append(case("xz", "xz a", "a", "a.xz"))
if have("bzip2"):
    CASES.append(case("bzip2", "bzip2 a", "a", "a.bz2"))
if have("rsync"):
    CASES.append(case("rsync", "rsync -a sub/ copy/", "sub/x", "copy/x"))
