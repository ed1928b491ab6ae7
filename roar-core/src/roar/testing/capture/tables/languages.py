"""Programs in Perl, JavaScript, Tcl and Java."""

from __future__ import annotations

from roar.testing.capture.case import Case, case, have


def _perl(name: str, program: str, inputs: str = "", outputs: str = "", code: int = 0) -> Case:
    return case(f"perl: {name}", ("perl", "-e", program), inputs, outputs, code=code)


def _node(name: str, program: str, inputs: str = "", outputs: str = "") -> Case:
    return case(f"node: {name}", ("node", "-e", f"const f=require('fs');{program}"), inputs, outputs)


CASES: list[Case] = []
if have("perl"):
    CASES += [
        _perl(
            "reads, writes, becomes another",
            "open F,'<','a';<F>;open G,'>','out';print G 1;close G;exec 'cat b'",
            "a b",
            "out",
        ),
        _perl("changes in place", "open F,'+<','a';<F>;seek F,0,0;print F 'Q'", "a", "a"),
        _perl("appends", "open F,'>>','a';print F 'x'", "a", "a"),
        _perl("sysopen", "use Fcntl;sysopen F,'out',O_RDWR|O_CREAT|O_EXCL;syswrite F,'x'", "", "out"),
        _perl("renames and links", "rename 'a','z';link 'b','y';unlink 'lines';symlink 'z','l'", "a b", "z y"),
        _perl("pipes from", "open F,'-|','cat a';my @l=<F>;close F;open G,'>','out';print G @l", "a", "out"),
        _perl("pipes to", "open F,'|-','cat > out';print F 'x';close F", "", "out"),
        _perl("copies a descriptor", "open F,'>','out';open G,'>&',\\*F;print G 'x'", "", "out"),
        _perl("in memory", "open F,'<',\\'text';<F>;open G,'+>',undef;print G 'x';open H,'<','a';<H>", "a"),
        _perl("backticks", "%ENV=(); $x = `/bin/cat a`; open G,'>','out';print G $x", "a", "out"),
        _perl("forks", "for(1..3){if(!fork){open F,'>',\"o$_\";print F 1;exit}}1 while wait>0", "", "o1 o2 o3"),
        _perl("fails", "open F,'>','out';print F 1;close F;exit 7", "", "out", code=7),
        case("perl: in place", ("perl", "-i", "-pe", "s/alpha/omega/", "a"), "a", "a"),
        case("perl: in place, backup", ("perl", "-i.orig", "-pe", "s/alpha/omega/", "a"), "a", "a a.orig"),
    ]
if have("node"):
    CASES += [
        _node("reads, writes, copies", "f.writeFileSync('out',f.readFileSync('a'));f.copyFileSync('b','out2')", "a b", "out out2"),
        _node("child", "require('child_process').execSync('cat a > out',{env:{}})", "a", "out"),
        _node("promises", "f.promises.rename('a','z')", "a", "z"),
        _node("many at once", "for(let i=0;i<20;i++)f.promises.writeFile('o'+i,'x')", "", " ".join(f"o{i}" for i in range(20))),
        _node("streams", "f.createReadStream('a').pipe(f.createWriteStream('out'))", "a", "out"),
        _node("worker", "const {Worker}=require('worker_threads');"
              "new Worker(\"const f=require('fs');f.writeFileSync('out',f.readFileSync('a'))\",{eval:true})", "a", "out"),
        _node("appends and truncates", "f.appendFileSync('a','x');f.truncateSync('b',1)", "a b", "a b"),
        _node("modules", "f.writeFileSync('m.js','module.exports=1');require('./m.js');f.unlinkSync('m.js')"),
    ]  # fmt: skip
if have("tclsh"):
    CASES.append(
        case("tcl", "echo 'set f [open a]; set o [open out w]; puts $o [read $f]; file rename b z' > t; tclsh t; rm t", "a b", "out z")
    )  # fmt: skip
if have("java"):
    CASES.append(
        case(
            "java",
            "printf 'import java.nio.file.*; class M { public static void main(String[] a) throws Exception {"
            ' Files.write(Path.of("out"), Files.readAllBytes(Path.of("a"))); Files.move(Path.of("b"), Path.of("z")); } }\''
            " > M.java; java -Xshare:auto -XX:TieredStopAtLevel=1 M.java; rm M.java",
            "a b",
            "out z",
            slow=True,
        )
    )
