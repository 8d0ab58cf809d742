#include "telemetry/status_page.hpp"

#include "telemetry/charts.hpp"
#include "telemetry/page_parts.hpp"
#include "telemetry/wording.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <stdexcept>

namespace miraclemax::telemetry {
namespace {

// The source expression of CSP 3 for an inline <style>: the base64 of the SHA-256 of its text.
std::string hash_of(const std::string& text) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (::EVP_Digest(text.data(), text.size(), digest, &size, ::EVP_sha256(), nullptr) != 1)
        throw std::runtime_error("SHA-256 is not available");
    unsigned char base64[EVP_MAX_MD_SIZE * 2];
    const int length = ::EVP_EncodeBlock(base64, digest, static_cast<int>(size));
    return "sha256-" + std::string(reinterpret_cast<const char*>(base64), static_cast<std::size_t>(length));
}

std::string problem(const Status& status, const Problem& each) {
    const bool critical = each.severity == Severity::critical;
    const auto component = std::find_if(status.components.begin(), status.components.end(),
                                        [&](const auto& one) { return one.name == each.component; });
    std::string more;
    if (component != status.components.end())
        more += fmt::format(R"(<a href="#c{}">component <bdi>{}</bdi></a>)",
                            component - status.components.begin(), html(each.component));
    else if (!each.component.empty())
        more += fmt::format("<span>component <bdi>{}</bdi></span>", html(each.component));
    if (!each.alert.empty())
        more += fmt::format("<span>what to do: <b>{}</b> in the runbook</span>", html(each.alert));
    return fmt::format(R"(<li class="{}">{}<div><p><b class="sev">{}</b> {}</p>)"
                       R"(<p class="more">{}</p></div></li>)",
                       critical ? "critical" : "warning",
                       icon(critical ? Icon::bad : Icon::warning, critical ? "critical" : "warning"),
                       critical ? "Critical" : "Warning", html(each.text), more);
}

std::string unreleased(const Status& status) {
    if (status.unreleased.empty())
        return {};
    std::string names;
    for (const auto& each : status.unreleased)
        names += fmt::format("{}<b><bdi>{}</bdi></b>", names.empty() ? "" : ", ", html(each));
    return fmt::format(R"(<li class="critical">{}<p>Not as before a run: {}. )"
                       R"(<code>miraclemax recover</code> puts {} back.</p></li>)",
                       icon(Icon::bad, "critical"), names, status.unreleased.size() == 1 ? "it" : "them");
}

} // namespace

std::string time_element(Time time, const std::string& text) {
    return fmt::format(R"(<time datetime="{}" title="{} {}">{}</time>)", utc_text(time),
                       html(local_text(time)), html(zone_text(time)), html(text));
}

std::string problems_part(const Status& status) {
    if (status.problems.empty() && status.unreleased.empty())
        return {};
    std::string list;
    for (const auto& each : status.problems)
        list += problem(status, each);
    return R"(<section class="problems" aria-labelledby="wrong"><h2 id="wrong">What is wrong</h2><ul>)" +
           list + unreleased(status) + "</ul></section>";
}

std::string status_page(const Status& status) {
    const auto problems =
        status.problems.size() + (status.problems.empty() && !status.unreleased.empty() ? 1 : 0);
    const bool critical = !status.unreleased.empty() ||
                          std::any_of(status.problems.begin(), status.problems.end(),
                                      [](const auto& each) { return each.severity == Severity::critical; });
    const auto state = problems == 0 ? std::string("all is well") : count_text(problems, "problem");
    const auto kind = problems == 0 ? Icon::good : critical ? Icon::bad : Icon::warning;
    std::string out =
        R"(<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">)"
        R"(<meta name="viewport" content="width=device-width, initial-scale=1">)"
        R"(<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">)";
    out += fmt::format("<title>{}: {}</title><style>{}</style></head>\n<body>", html(status.host), state,
                       page_style());
    out += fmt::format(R"(<header><p class="brand">miraclemax</p><p class="host"><bdi>{}</bdi></p>)"
                       R"(<p class="pill {}">{}{}</p></header>)",
                       html(status.host),
                       problems == 0 ? "good"
                       : critical    ? "bad"
                                     : "warn",
                       icon(kind, "state"), state);
    out += "\n<main>" + problems_part(status) + summary_part(status) + components_part(status) +
           runs_part(status);
    out += "\n<div class=\"pair\">" + tiers_part(status) + "<div>" + schedule_part(status) +
           keys_part(status) + "</div></div></main>\n";
    out += fmt::format(
        R"(<footer><p>miraclemax {}, instance <bdi>{}</bdi></p><p>as of {} {}</p>)"
        R"(<p><a href="/metrics">metrics</a> <a href="/api/status">JSON</a></p></footer></body></html>)",
        html(status.version), html(status.instance), time_element(status.now, local_text(status.now)),
        html(zone_text(status.now)));
    return out + "\n";
}

std::string content_policy() {
    static const std::string policy =
        "default-src 'none'; style-src '" + hash_of(page_style()) +
        "'; img-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    return policy;
}

} // namespace miraclemax::telemetry
