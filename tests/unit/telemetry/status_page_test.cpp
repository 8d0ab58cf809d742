#include "telemetry/status_page.hpp"

#include "telemetry/page_parts.hpp"
#include "unit/telemetry/sample.hpp"

#include <gmock/gmock.h>

#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace miraclemax::telemetry {
namespace {

using testing::HasSubstr;
using testing::Not;

class StatusPage : public testing::Test {
protected:
    StatusPage() {
        const char* zone = ::getenv("TZ");
        before_ = zone == nullptr ? "" : zone;
        set("Europe/Berlin");
        folder_ = ::mkdtemp(form_);
    }
    ~StatusPage() override {
        set(before_);
        std::filesystem::remove_all(folder_);
    }
    static void set(const std::string& zone) {
        zone.empty() ? ::unsetenv("TZ") : ::setenv("TZ", zone.c_str(), 1);
        ::tzset();
    }
    // What a Python script says of a page, which it finds under argv[1]; the policy under argv[2].
    std::string python(const std::string& script, const std::string& page) {
        std::ofstream(folder_ / "page.html") << page;
        std::ofstream(folder_ / "policy") << content_policy();
        std::ofstream(folder_ / "look.py") << script;
        const auto command =
            "cd " + folder_.string() + " && /usr/bin/python3 look.py page.html policy >out 2>&1";
        EXPECT_EQ(std::system(command.c_str()), 0);
        std::ostringstream said;
        said << std::ifstream(folder_ / "out").rdbuf();
        return said.str();
    }
    [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

private:
    std::string before_;
    char form_[32] = "/tmp/mmpage-XXXXXX";
    std::filesystem::path folder_;
};

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t out = 0;
    for (auto at = text.find(part); at != text.npos; at = text.find(part, at + part.size()))
        ++out;
    return out;
}

// Strict: each element that is opened is closed by its own name, ids are unique, nothing loads or runs.
constexpr auto strict = R"py(
import html.parser, sys, collections
VOID = {"meta", "br", "hr", "img", "link", "input"}
class Strict(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.seen, self.ids, self.targets, self.wrong = [], collections.Counter(), set(), [], []
    def handle_starttag(self, tag, attrs):
        self.seen[tag] += 1
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)): self.wrong.append(f"{tag}: an attribute twice")
        for name, value in attrs:
            if name.startswith("on") or name in ("style", "src", "srcset", "action", "xlink:href", "background"):
                self.wrong.append(f"{tag} {name}={value}")
            if name == "href":
                if value.startswith("#"): self.targets.append(value[1:])
                elif value not in ("/metrics", "/api/status"): self.wrong.append(f"href {value}")
            if name == "id":
                if value in self.ids: self.wrong.append(f"id {value} twice")
                self.ids.add(value)
        if tag in ("script", "link", "img", "iframe", "object", "embed", "form", "base", "image", "use"):
            self.wrong.append(tag)
        if tag == "svg" and dict(attrs).get("role") != "img": self.wrong.append("svg without role")
        if self.open and self.open[-1] == "svg" and self.first and tag != "title": self.wrong.append("svg without title")
        self.first = tag == "svg"
        if tag not in VOID: self.open.append(tag)
    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID: self.open.pop()
    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag: self.wrong.append(f"</{tag}> closes {self.open[-1:]}")
        else: self.open.pop()
page = Strict()
page.first = False
page.feed(open(sys.argv[1], encoding="utf-8").read())
page.close()
page.wrong += [f"still open: {tag}" for tag in page.open]
page.wrong += [f"#{target} leads nowhere" for target in page.targets if target not in page.ids]
for tag in ("title", "h1", "main", "style"):
    if page.seen[tag] < 1 or (tag in ("h1", "main", "style") and page.seen[tag] != 1): page.wrong.append(f"{tag}: {page.seen[tag]}")
print("\n".join(page.wrong) or "ok")
)py";

TEST_F(StatusPage, IsCleanHtmlThatLoadsNothing) {
    Status lone;
    lone.components.push_back({.name = "one"});
    for (const auto& status : {healthy_status(), troubled_status(), Status{}, lone})
        EXPECT_EQ(python(strict, status_page(status)), "ok\n");
}

TEST_F(StatusPage, HostileNamesStayNames) {
    auto status = troubled_status();
    const std::string evil =
        "</style><script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;\xFF\xE2\x80\xAEtxt\n\x01";
    status.host = status.instance = status.version = evil;
    status.last_run->message = status.last_run->id = evil;
    status.unreleased = {evil};
    status.next_runs[evil] = status.now;
    for (auto& each : status.components)
        each.name = each.category = each.priority = each.reason = each.verify_trouble = evil;
    status.components[0].last_ok = false;
    for (auto& each : status.tiers)
        each.name = each.trouble = evil;
    for (auto& each : status.keys)
        each.fingerprint = each.owner = each.trouble = evil;
    for (auto& each : status.problems)
        each.alert = each.component = each.text = evil;
    const auto page = status_page(status);
    EXPECT_EQ(python(strict, page), "ok\n");
    EXPECT_THAT(page, Not(HasSubstr("<script")));
    EXPECT_THAT(page, Not(HasSubstr("\xE2\x80\xAE")));
    EXPECT_THAT(page, Not(HasSubstr("\x01")));
    EXPECT_THAT(page, Not(HasSubstr("\xFF")));
    EXPECT_THAT(
        page,
        HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&gt;&lt;img src=x onerror=alert(1)&gt;"
                  "&amp;amp;\xEF\xBF\xBD\xEF\xBF\xBDtxt \xEF\xBF\xBD"));
}

TEST_F(StatusPage, ThePolicyAllowsItsStyleAndNothingElse) {
    const auto said = python(R"py(
import base64, hashlib, re, sys
page = open(sys.argv[1], newline="").read()
style = re.search(r"<style>(.*?)</style>", page, re.S).group(1)
digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
policy = {part.split()[0]: part.split()[1:] for part in open(sys.argv[2]).read().split(";")}
assert policy.pop("style-src") == [f"'sha256-{digest}'"], (policy, digest)
assert set(policy) == {"default-src", "img-src", "base-uri", "form-action", "frame-ancestors"}
assert all(value == ["'none'"] for value in policy.values())
print("ok")
)py",
                             status_page(troubled_status()));
    EXPECT_EQ(said, "ok\n");
}

TEST_F(StatusPage, WhatIsWrongComesFirst) {
    const auto page = status_page(troubled_status());
    const auto problems = page.find("What is wrong"), headline = page.find("<h1>"),
               table = page.find("<table>"), tiers = page.find("<h2>Tiers");
    ASSERT_NE(problems, page.npos);
    EXPECT_LT(problems, headline);
    EXPECT_LT(headline, table);
    EXPECT_LT(table, tiers);
    EXPECT_LT(page.find("could not be paused."), headline);
    EXPECT_THAT(page, HasSubstr("what to do: <b>BackupFailed</b> in the runbook"));
    EXPECT_THAT(page, HasSubstr("<a href=\"#c1\">component <bdi>n8n</bdi></a>"));
    EXPECT_THAT(page, HasSubstr("3 problems</p></header>"));
    EXPECT_THAT(page, HasSubstr("<title>atlas.example.org: 3 problems</title>"));
    EXPECT_THAT(status_page(healthy_status()), Not(HasSubstr("What is wrong")));
}

TEST_F(StatusPage, AContainerLeftBehindIsAProblemByItself) {
    auto status = healthy_status();
    status.unreleased = {"web", "db"};
    const auto page = status_page(status);
    EXPECT_THAT(page, HasSubstr("1 problem</p></header>"));
    EXPECT_THAT(page, HasSubstr("<code>miraclemax recover</code> puts them back"));
}

TEST_F(StatusPage, SaysItInOneSentence) {
    auto status = healthy_status();
    EXPECT_EQ(headline(status), "All 9 components were backed up 5 hours ago.");
    EXPECT_THAT(status_page(status), HasSubstr("Next backup tonight at 03:00 CEST."));
    status.components[1].last_ok = false;
    EXPECT_EQ(headline(status), "8 of 9 components were backed up 5 hours ago, n8n last 5 hours ago.");
    status.components[1].last_good.reset();
    EXPECT_EQ(headline(status), "8 of 9 components were backed up 5 hours ago, n8n never.");
    status.components[2].last_ok = false;
    EXPECT_EQ(headline(status), "7 of 9 components were backed up 5 hours ago, 2 were not.");
    for (auto& each : status.components)
        each.last_ok = false;
    EXPECT_EQ(headline(status), "None of 9 components was backed up at the last try.");
    status.components.resize(1);
    status.components[0].last_ok = true;
    EXPECT_EQ(headline(status), "The one component was backed up 5 hours ago.");
    status.components.clear();
    EXPECT_EQ(headline(status), "Nothing is labelled for backup yet.");
    status = {};
    status.components.push_back({.name = "new"});
    EXPECT_EQ(headline(status), "No backup has run yet.");
    EXPECT_THAT(status_page(status), HasSubstr("No next backup is planned."));
}

// "All were backed up 5 hours ago" would be a lie of the one that is older.
TEST_F(StatusPage, TheSentenceIsTrueOfTheOldestComponent) {
    auto status = healthy_status();
    status.components[3].last_good = utc(2025, 10, 14, 1);
    EXPECT_EQ(headline(status), "All 9 components were backed up 2 days ago.");
}

TEST_F(StatusPage, FailedRunsAreToldByTheirShapeToo) {
    const auto page = status_page(troubled_status());
    EXPECT_EQ(count(page, "<li class=\"bad\" title="), 4U);
    EXPECT_EQ(count(page, "<li class=\"good\" title="), 26U);
    EXPECT_THAT(page, HasSubstr("16 Oct 2025, 03:00: failed"));
    EXPECT_THAT(page, HasSubstr("26 whole, <b>4 failed</b>"));
    EXPECT_THAT(page, HasSubstr("<title>freeze over the last 30 runs: 54 ms to 94 ms; 3 failed</title>"));
    EXPECT_EQ(count(page, "class=\"cross\""), 2U); // n8n's two charts
}

TEST_F(StatusPage, TellsWhichTierLacksACopy) {
    const auto page = status_page(troubled_status());
    const auto row =
        page.substr(page.find("<tr id=\"c1\""), page.find("<tr id=\"c2\"") - page.find("<tr id=\"c1\""));
    EXPECT_EQ(count(row, "<li class=\"has\">"), 2U); // of the 13th: local and nas have it
    EXPECT_EQ(count(row, "<li class=\"lacks\">"), 1U);
    const auto other =
        page.substr(page.find("<tr id=\"c2\""), page.find("<tr id=\"c3\"") - page.find("<tr id=\"c2\""));
    EXPECT_EQ(count(other, "<li class=\"has\">"), 1U); // of the 16th: nas ends on the 14th
}

TEST_F(StatusPage, SaysWhenTheNextRunIs) {
    auto status = healthy_status();
    const auto next = [&](Time time) {
        status.next_runs["backup"] = time;
        const auto page = status_page(status);
        const auto at = page.find("<p class=\"next\">") + 16;
        return page.substr(at, page.find("</p>", at) - at);
    };
    EXPECT_EQ(next(utc(2025, 10, 16, 10)), "Next backup today at 12:00 CEST.");
    EXPECT_EQ(next(utc(2025, 10, 16, 20)), "Next backup tonight at 22:00 CEST.");
    EXPECT_EQ(next(utc(2025, 10, 17, 10)), "Next backup tomorrow at 12:00 CEST.");
    EXPECT_EQ(next(utc(2025, 10, 19, 1)), "Next backup on Sunday at 03:00 CEST.");
    EXPECT_EQ(next(utc(2025, 10, 26, 1)), "Next backup on 26 Oct 2025, 02:00 CET.");
    EXPECT_EQ(next(status.now), "The next backup is due now.");
}

// A real browser, where there is one: the style applies under the policy, and nothing is refused.
TEST_F(StatusPage, ChromiumDrawsItUnderItsPolicy) {
    if (std::system("command -v chromium >/dev/null 2>&1") != 0)
        GTEST_SKIP() << "chromium is not installed";
    auto page = status_page(troubled_status());
    const auto head = page.find("<meta charset");
    // frame-ancestors is for headers only, and told in the log when it stands in a page.
    auto policy = content_policy();
    policy.erase(policy.find("; frame-ancestors"));
    page.insert(head, "<meta http-equiv=\"Content-Security-Policy\" content=\"" + policy + "\">");
    std::ofstream(folder() / "page.html") << page;
    const auto in = folder().string();
    const auto command = "cd " + in + " && HOME=" + in +
                         " timeout 60 chromium --headless --no-sandbox --disable-gpu "
                         "--enable-logging=stderr --user-data-dir=" +
                         in +
                         "/profile --window-size=390,800 "
                         "--screenshot=" +
                         in + "/shot.png file://" + in + "/page.html >log 2>&1";
    ASSERT_EQ(std::system(command.c_str()), 0);
    EXPECT_TRUE(std::filesystem::exists(folder() / "shot.png"));
    std::ostringstream log;
    log << std::ifstream(folder() / "log").rdbuf();
    EXPECT_THAT(log.str(), Not(HasSubstr("Content Security Policy")));
    EXPECT_THAT(log.str(), Not(HasSubstr("CONSOLE")));
}

} // namespace
} // namespace miraclemax::telemetry
