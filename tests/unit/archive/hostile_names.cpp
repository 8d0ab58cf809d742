#include "unit/archive/hostile_case.hpp"

namespace miraclemax::archive::test {
namespace {

const Case kNames[] = {
    {"parent first", "leaves", [](Hostile& h) { h.tar.add(file("data/../x")).end(); }},
    {"parent in the middle", "leaves", [](Hostile& h) { h.tar.add(file("data/a/../../x")).end(); }},
    {"parent last", "leaves", [](Hostile& h) { h.tar.add(file("data/a/..")).end(); }},
    {"parent as a folder", "leaves", [](Hostile& h) { h.tar.folder("data/../").end(); }},
    {"parent before", "not one of", [](Hostile& h) { h.tar.add(file("../data/x")).end(); }},
    {"parent alone", "not one of", [](Hostile& h) { h.tar.add(file("..")).end(); }},
    {"parent by the prefix field", "leaves",
     [](Hostile& h) {
         Header header = file("x");
         header.prefix = "data/..";
         h.tar.add(header).end();
     }},
    {"dot", "leaves", [](Hostile& h) { h.tar.add(file("data/./x")).end(); }},
    {"dot last", "leaves", [](Hostile& h) { h.tar.folder("data/a/./").end(); }},
    {"absolute", "not one of", [](Hostile& h) { h.tar.add(file(h.outside + "/new")).end(); }},
    {"absolute below the prefix", "leaves",
     [](Hostile& h) { h.tar.add(file("data/" + h.outside + "/new")).end(); }},
    {"empty name", "not one of", [](Hostile& h) { h.tar.add(file("")).end(); }},
    {"empty segment", "leaves", [](Hostile& h) { h.tar.add(file("data/a//x")).end(); }},
    {"the root as a file", "", [](Hostile& h) { h.tar.add(file("data/")).end(); }},
    {"the prefix as a file", "not one of", [](Hostile& h) { h.tar.add(file("data")).end(); }},
    {"another component", "not one of", [](Hostile& h) { h.tar.add(file("date/x")).end(); }},
    {"a longer component", "not one of", [](Hostile& h) { h.tar.add(file("database/x")).end(); }},
    {"slash after a file", "leaves", [](Hostile& h) { h.tar.add(file("data/x/")).end(); }},
    {"folder without a slash", "folder", [](Hostile& h) { h.tar.folder("data/x").end(); }},
    {"NUL in the pax path", "leaves",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"path", std::string("data/x\0y", 8)}}).end();
     }},
    {"pax path leaves", "leaves",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"path", "data/../x"}}).end();
     }},
    {"pax path is absolute", "not one of",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"path", h.outside + "/new"}}).end();
     }},
    {"empty pax path", "not one of",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"path", ""}}).end();
     }},
    {"sparse name leaves", "leaves",
     [](Hostile& h) {
         h.tar.add(file("data/s", "0\n" + std::string(510, '\0')), sparse("data/../s", "0")).end();
     }},
    {"a name of 10 MB", "longer than any",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"path", "data/" + std::string(10 << 20, 'n')}}).end();
     }},
    {"a path of 2 MB", "longer than any",
     [](Hostile& h) {
         std::string path = "data";
         for (int i = 0; i < 1 << 20; ++i)
             path += "/n";
         h.tar.add(file("data/x"), {{"path", path}}).end();
     }},
    {"a path of many folders and no entry of them", "hardly an entry",
     [](Hostile& h) {
         std::string path = "data";
         for (int i = 0; i < 1 << 18; ++i)
             path += "/n";
         h.tar.add(file("data/x"), {{"path", path}}).end();
     }},
    {"many paths of some folders and no entry of them", "hardly an entry",
     [](Hostile& h) {
         h.tar.folder("data/");
         for (int i = 0; i < 500; ++i)
             h.tar.add(file("data/" + std::to_string(1000 + i) + "/a/b/c/d/f"));
         h.tar.end();
     }},
    {"a name of 2000 bytes", "leaves",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"path", "data/" + std::string(2000, 'n')}}).end();
     }},
    {"a staging folder", "never backed up", [](Hostile& h) { h.tar.folder("data/.miraclemax-1/").end(); }},
    {"duplicate", "twice", [](Hostile& h) { h.tar.add(file("data/x")).add(file("data/x")).end(); }},
    {"duplicate folder", "twice", [](Hostile& h) { h.tar.folder("data/d/").folder("data/d/").end(); }},
    {"duplicate root", "twice", [](Hostile& h) { h.tar.folder("data/").folder("data/").end(); }},
    {"out of order", "out of order", [](Hostile& h) { h.tar.add(file("data/b")).add(file("data/a")).end(); }},
    {"back into a folder", "out of order",
     [](Hostile& h) { h.tar.folder("data/a/").add(file("data/b")).add(file("data/a/x")).end(); }},
    {"a file, then in it", "no folder",
     [](Hostile& h) { h.tar.add(file("data/a")).add(file("data/a/x")).end(); }},
    {"single: a folder", "single",
     [](Hostile& h) {
         h.single = true;
         h.tar.inventory += ". type=dir\n";
         h.tar.folder("data/d/").end();
     }},
    {"single: deeper", "single",
     [](Hostile& h) {
         h.single = true;
         h.tar.inventory += ". type=dir\n";
         h.tar.add(file("data/d/f")).end();
     }},
    {"single: two", "",
     [](Hostile& h) {
         h.single = true;
         h.tar.inventory += ". type=dir\n";
         h.tar.add(file("data/a")).add(link_to("data/b", '2', "x")).end();
     }},
};

const Case kLinks[] = {
    {"symlink, then through it", "no folder",
     [](Hostile& h) { h.tar.add(link_to("data/l", '2', h.outside)).add(file("data/l/canary")).end(); }},
    {"symlink, then a folder through it", "no folder",
     [](Hostile& h) { h.tar.add(link_to("data/l", '2', h.outside)).folder("data/l/new/").end(); }},
    {"symlink, then a file of its name", "twice",
     [](Hostile& h) { h.tar.add(link_to("data/l", '2', h.outside + "/canary")).add(file("data/l")).end(); }},
    {"symlink, then a folder of its name", "twice",
     [](Hostile& h) { h.tar.add(link_to("data/l", '2', h.outside)).folder("data/l/").end(); }},
    {"symlink, then a hard link through it", "hard link",
     [](Hostile& h) {
         h.tar.add(link_to("data/l", '2', h.outside)).add(link_to("data/m", '1', "data/l/canary")).end();
     }},
    {"symlink to itself, then through it", "no folder",
     [](Hostile& h) { h.tar.add(link_to("data/l", '2', "l")).add(file("data/l/x")).end(); }},
    {"symlink for the root", "root", [](Hostile& h) { h.tar.add(link_to("data/", '2', h.outside)).end(); }},
    {"symlink to nothing", "nothing", [](Hostile& h) { h.tar.add(link_to("data/l", '2', "")).end(); }},
    {"symlink with a NUL", "target",
     [](Hostile& h) {
         h.tar.add(link_to("data/l", '2', "x"), {{"linkpath", std::string("a\0b", 3)}}).end();
     }},
    {"symlink to a target of 1 MB", "target",
     [](Hostile& h) {
         h.tar.add(link_to("data/l", '2', "x"), {{"linkpath", std::string(1 << 20, 't')}}).end();
     }},
    {"symlink with content", "no file",
     [](Hostile& h) {
         Header header = link_to("data/l", '2', h.outside + "/canary");
         header.content = "evil";
         h.tar.add(header).end();
     }},
    {"linkpath override", "link=",
     [](Hostile& h) {
         h.tar.add(link_to("data/l", '2', "x"), {{"linkpath", h.outside}}).end();
     }},
    {"hard link outside", "not one of",
     [](Hostile& h) { h.tar.add(link_to("data/h", '1', h.outside + "/canary")).end(); }},
    {"hard link to a parent", "leaves",
     [](Hostile& h) { h.tar.add(link_to("data/h", '1', "data/../../outside/canary")).end(); }},
    {"hard link by pax", "not one of",
     [](Hostile& h) {
         h.tar.add(link_to("data/h", '1', "data/a"), {{"linkpath", h.outside + "/canary"}}).end();
     }},
    {"hard link to itself", "come before",
     [](Hostile& h) { h.tar.add(link_to("data/h", '1', "data/h")).end(); }},
    {"hard link forward", "come before",
     [](Hostile& h) { h.tar.add(link_to("data/h", '1', "data/i")).add(file("data/i")).end(); }},
    {"hard link to a missing entry", "not there",
     [](Hostile& h) { h.tar.add(link_to("data/h", '1', "data/a")).end(); }},
    {"hard link to a folder", "not there",
     [](Hostile& h) { h.tar.folder("data/a/").add(link_to("data/h", '1', "data/a")).end(); }},
    {"hard link to the root", "not there",
     [](Hostile& h) { h.tar.folder("data/").add(link_to("data/h", '1', "data/")).end(); }},
    {"hard link to a hard link", "",
     [](Hostile& h) {
         h.tar.add(file("data/a", ""))
             .add(link_to("data/b", '1', "data/a"))
             .add(link_to("data/c", '1', "data/b"))
             .end();
     }},
    {"hard link to a symlink that leads out", "not there",
     [](Hostile& h) {
         h.tar.add(link_to("data/a", '2', h.outside + "/canary")).add(link_to("data/b", '1', "data/a")).end();
     }},
    {"hard link with content", "no file",
     [](Hostile& h) {
         Header header = link_to("data/b", '1', "data/a");
         header.content = "evil";
         h.tar.add(file("data/a", "")).add(header).end();
     }},
    {"hard link with attributes", "of its own",
     [](Hostile& h) {
         h.tar.add(file("data/a", ""))
             .add(link_to("data/b", '1', "data/a"), {{"SCHILY.xattr.user.x", "y"}})
             .end();
     }},
    {"a hard link that the inventory has as another file", "not there",
     [](Hostile& h) {
         h.tar.add(file("data/a", "a")).header(link_to("data/b", '1', "data/a")).end();
         TarBuilder other;
         h.tar.inventory += other.add(file("data/b", "b")).inventory.substr(7);
         h.tar.entries = h.tar.files = 2;
     }},
    {"a file that leads somewhere", "leads somewhere",
     [](Hostile& h) {
         Header header = file("data/f");
         header.link = "x";
         h.tar.add(header).end();
     }},
};

} // namespace

std::span<const Case> hostile_names() {
    return kNames;
}

std::span<const Case> hostile_links() {
    return kLinks;
}

} // namespace miraclemax::archive::test
