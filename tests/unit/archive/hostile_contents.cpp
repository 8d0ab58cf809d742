#include "unit/archive/hostile_case.hpp"

namespace miraclemax::archive::test {
namespace {

// An entry whose content begins with this map.
TarBuilder& mapped(TarBuilder& tar, const std::string& map, const std::string& size,
                   const std::string& data = std::string(512, 'd')) {
    std::string content = map;
    content.append((512 - content.size() % 512) % 512, '\0');
    return tar.add(file("data/GNUSparseFile.0/s", content + data), sparse("data/s", size));
}

const Case kHoles[] = {
    {"a map beyond the size", "beyond",
     [](Hostile& h) { mapped(h.tar, "1\n9999999\n512\n", "1000000").end(); }},
    {"a part beyond the size", "beyond",
     [](Hostile& h) { mapped(h.tar, "1\n999999\n512\n", "1000000").end(); }},
    {"parts that overlap", "overlap",
     [](Hostile& h) { mapped(h.tar, "2\n0\n512\n256\n512\n", "4096", std::string(1024, 'd')).end(); }},
    {"parts out of order", "out of order",
     [](Hostile& h) { mapped(h.tar, "2\n2048\n256\n0\n256\n", "4096").end(); }},
    {"a negative part", "else than numbers", [](Hostile& h) { mapped(h.tar, "1\n-5\n512\n", "4096").end(); }},
    {"a negative length", "else than numbers",
     [](Hostile& h) { mapped(h.tar, "1\n0\n-512\n", "4096").end(); }},
    {"a sum that overflows", "beyond",
     [](Hostile& h) { mapped(h.tar, "1\n512\n9223372036854775807\n", "9223372036854775807").end(); }},
    {"a number too long", "else than numbers",
     [](Hostile& h) { mapped(h.tar, "1\n00000000000000000000000000000\n512\n", "4096").end(); }},
    {"a bomb of parts", "too many", [](Hostile& h) { mapped(h.tar, "999999999\n0\n0\n", "4096").end(); }},
    {"a map without an end", "map", [](Hostile& h) { mapped(h.tar, "200000\n0\n0\n", "4096").end(); }},
    {"no map", "else than numbers", [](Hostile& h) { mapped(h.tar, "hello", "4096").end(); }},
    {"an empty line", "else than numbers", [](Hostile& h) { mapped(h.tar, "1\n\n0\n", "4096").end(); }},
    {"more data than content", "amount", [](Hostile& h) { mapped(h.tar, "1\n0\n4096\n", "4096").end(); }},
    {"less data than content", "amount", [](Hostile& h) { mapped(h.tar, "1\n0\n100\n", "4096").end(); }},
    {"no content for the map", "",
     [](Hostile& h) { h.tar.add(file("data/GNUSparseFile.0/s", ""), sparse("data/s", "4096")).end(); }},
    {"half the keywords", "other form",
     [](Hostile& h) {
         h.tar.add(file("data/s"), {{"GNU.sparse.realsize", "9"}}).end();
     }},
    {"another version", "other form",
     [](Hostile& h) {
         Records records = sparse("data/s", "4");
         records[1].second = "1";
         h.tar.add(file("data/s"), records).end();
     }},
    {"a sparse folder", "no file",
     [](Hostile& h) {
         Header header = file("data/d/", "");
         header.type = '5';
         h.tar.add(header, sparse("data/d/", "4")).end();
     }},
    {"an exabyte of holes", "size=",
     [](Hostile& h) {
         h.tar.add(file("data/s", "0\n" + std::string(510, '\0')), sparse("data/s", "1152921504606846976"))
             .end();
     }},
};

const Case kEnds[] = {
    {"nothing", "too early", [](Hostile&) {}},
    {"no marker", "too early", [](Hostile& h) { h.tar.add(file("data/x")); }},
    {"half a marker", "too early", [](Hostile& h) { h.tar.add(file("data/x")).raw(std::string(512, '\0')); }},
    {"half a marker, then more", "half an end",
     [](Hostile& h) { h.tar.add(file("data/x")).raw(std::string(512, '\0')).add(file("data/y")).end(); }},
    {"entries after the marker", "follows the end",
     [](Hostile& h) { h.tar.add(file("data/x")).end().header(file("data/y")).end(); }},
    {"garbage after the marker", "follows the end",
     [](Hostile& h) { h.tar.add(file("data/x")).end().tar += "x"; }},
    {"zeros after the marker", "follows the end", [](Hostile& h) { h.tar.add(file("data/x")).end().end(); }},
    {"cut within a header", "within a block",
     [](Hostile& h) { h.tar.add(file("data/x")).end().tar.resize(100); }},
    {"cut within content", "",
     [](Hostile& h) { h.tar.add(file("data/x", std::string(5000, 'x'))).tar.resize(3000); }},
    {"cpio", "no header", [](Hostile& h) { h.tar.raw("070701" + std::string(104, '0')).end(); }},
    {"zip", "no header", [](Hostile& h) { h.tar.raw(std::string("PK\3\4\24\0\0\0", 8)).end(); }},
    {"ar", "no header", [](Hostile& h) { h.tar.raw("!<arch>\nx/              0           0     0").end(); }},
    {"mtree", "no header",
     [](Hostile& h) { h.tar.raw("#mtree\n./x type=file contents=/etc/shadow\n").end(); }},
    {"7zip", "no header", [](Hostile& h) { h.tar.raw("7z\xbc\xaf\x27\x1c").end(); }},
    {"gzip", "no header", [](Hostile& h) { h.tar.raw("\x1f\x8b\x08").end(); }},
    {"xar", "no header", [](Hostile& h) { h.tar.raw("xar!").end(); }},
    {"an ISO image", "too early", [](Hostile& h) { h.tar.raw(std::string(512, '\0')); }},
};

const Case kInventories[] = {
    {"an entry that is not in it", "no further entry",
     [](Hostile& h) {
         h.tar.header(file("data/x")).end();
         h.tar.entries = h.tar.files = 1;
     }},
    {"an entry that is only in it", "further entry",
     [](Hostile& h) { h.tar.add(file("data/x")).end().line("./y type=file"); }},
    {"another entry", "has data/y",
     [](Hostile& h) {
         h.tar.add(file("data/y"));
         h.tar.tar.clear();
         h.tar.header(file("data/x")).end();
     }},
    {"another content", "content",
     [](Hostile& h) {
         h.tar.add(file("data/x", "good"));
         h.tar.tar.clear();
         h.tar.header(file("data/x", "evil")).end();
     }},
    {"another target", "link=",
     [](Hostile& h) {
         h.tar.add(link_to("data/x", '2', "good"));
         h.tar.tar.clear();
         h.tar.header(link_to("data/x", '2', h.outside)).end();
     }},
    {"empty", "is none", [](Hostile& h) { h.tar.add(file("data/x")).end().inventory.clear(); }},
    {"no first line", "is none", [](Hostile& h) { h.tar.add(file("data/x")).end().inventory.erase(0, 7); }},
    {"binary", "is none",
     [](Hostile& h) { h.tar.add(file("data/x")).end().inventory = std::string("\0\xff\n", 3); }},
    {"a line of 10 MB", "longer than any",
     [](Hostile& h) {
         h.tar.add(file("data/x")).end().inventory = "#mtree\n" + std::string(10 << 20, 'x') + "\n";
     }},
    {"10 MB without a line", "longer than any",
     [](Hostile& h) {
         h.tar.add(file("data/x")).end().inventory = "#mtree\n" + std::string(10 << 20, '\0');
     }},
    {"a line twice", "further entry",
     [](Hostile& h) {
         h.tar.add(file("data/x")).end();
         h.tar.inventory += h.tar.inventory.substr(7);
     }},
    {"a /set line", "no entry",
     [](Hostile& h) { h.tar.add(file("data/x")).end().inventory.insert(7, "/set uid=0 mode=4755\n"); }},
    {"an /unset line", "no entry",
     [](Hostile& h) { h.tar.add(file("data/x")).end().inventory.insert(7, "/unset all\n"); }},
    {"a comment", "no entry",
     [](Hostile& h) { h.tar.add(file("data/x")).end().inventory.insert(7, "# hello\n"); }},
    {"an empty line", "no entry",
     [](Hostile& h) { h.tar.add(file("data/x")).end().inventory.insert(7, "\n"); }},
    {"a newline missing", "within a line",
     [](Hostile& h) { h.tar.add(file("data/x")).end().inventory.pop_back(); }},
    {"a space more", "in another form",
     [](Hostile& h) { h.tar.add(file("data/x")).end().inventory.insert(10, " "); }},
    {"a keyword more", "optional",
     [](Hostile& h) {
         h.tar.add(file("data/x")).end().inventory.pop_back();
         h.tar.inventory += " optional\n";
     }},
    {"a digest less", "sha256digest",
     [](Hostile& h) {
         h.tar.add(file("data/x")).end();
         h.tar.inventory = h.tar.inventory.substr(0, h.tar.inventory.find(" sha256digest")) + "\n";
     }},
    {"attributes more", "attributes",
     [](Hostile& h) { h.tar.add(file("data/x")).end().line("# meta sha256=" + std::string(64, '0')); }},
    {"a name in another spelling", "has data/x",
     [](Hostile& h) { h.tar.add(file("data/x")).end().inventory.replace(9, 1, "\\170"); }},
    {"more entries than promised", "more entries",
     [](Hostile& h) { h.tar.add(file("data/x")).add(link_to("data/y", '2', "x")).end().entries = 1; }},
    {"fewer entries than promised", "manifest says",
     [](Hostile& h) { h.tar.add(file("data/x")).end().entries = 2; }},
    {"more files than promised", "more files", [](Hostile& h) { h.tar.add(file("data/x")).end().files = 0; }},
};

} // namespace

std::span<const Case> hostile_holes() {
    return kHoles;
}

std::span<const Case> hostile_ends() {
    return kEnds;
}

std::span<const Case> hostile_inventories() {
    return kInventories;
}

} // namespace miraclemax::archive::test
