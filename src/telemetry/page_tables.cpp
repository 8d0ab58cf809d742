#include "telemetry/charts.hpp"
#include "telemetry/page_parts.hpp"
#include "telemetry/wording.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace miraclemax::telemetry {
namespace {

std::string small(const std::string& text) {
    return text.empty() ? "" : "<span class=\"small\">" + text + "</span>";
}

std::string name_cell(const ComponentStatus& each) {
    const bool never = !each.last_good && each.last_ok && each.history.empty();
    const auto mark = never          ? icon(Icon::none, "not tried yet")
                      : each.last_ok ? icon(Icon::good, "good")
                                     : icon(Icon::bad, "failed");
    std::string notes;
    if (!each.last_ok)
        notes += fmt::format(R"(<span class="why">Last try failed{}{}</span>)",
                             each.reason.empty() ? "" : ": ", html(each.reason));
    if (each.changed > 0)
        notes += small(count_text(each.changed, "entry") + " changed while read");
    if (each.skipped > 0)
        notes += small(count_text(each.skipped, "entry") + " skipped");
    return fmt::format(R"(<th scope="row"><div class="who">{}<div><bdi>{}</bdi>{}{}</div></div></th>)", mark,
                       html(each.name),
                       small(html(each.category) + (each.priority.empty() ? "" : ", " + html(each.priority))),
                       notes);
}

std::string good_cell(const ComponentStatus& each, Time now) {
    if (!each.last_good)
        return R"(<b class="bad">never</b>)";
    return time_element(*each.last_good, ago_text(*each.last_good, now)) + R"(<span class="small when">)" +
           local_text(*each.last_good) + "</span>";
}

std::string proof_cell(const ComponentStatus& each, Time now) {
    std::string out;
    if (!each.verify_trouble.empty())
        out =
            fmt::format(R"(<b class="bad">failed{}</b><span class="why">{}</span>)",
                        each.verified ? " " + ago_text(*each.verified, now) : "", html(each.verify_trouble));
    else if (each.verified)
        out = "<span>verified " + time_element(*each.verified, ago_text(*each.verified, now)) + "</span>";
    else
        out = R"(<span class="muted">not verified</span>)";
    if (each.restored)
        out += small("restored " + time_element(*each.restored, ago_text(*each.restored, now)));
    return out;
}

// A tier that has the newest backup of all has every component's newest archive. One that lags has what is
// older than its own newest backup.
bool has_copy(const Status& status, const TierStatus& tier, const ComponentStatus& component) {
    if (!tier.newest || !component.last_good)
        return false;
    return std::all_of(status.tiers.begin(), status.tiers.end(),
                       [&](const auto& other) { return !other.newest || *other.newest <= *tier.newest; }) ||
           *component.last_good <= *tier.newest;
}

std::string copies_cell(const Status& status, const ComponentStatus& component) {
    std::string out;
    for (const auto& tier : status.tiers) {
        const bool has = has_copy(status, tier, component);
        out += fmt::format(R"(<li class="{}">{}<bdi>{}</bdi></li>)", has ? "has" : "lacks",
                           icon(has ? Icon::good : Icon::none, has ? "is in" : "is not in"), html(tier.name));
    }
    return out.empty() ? R"(<span class="muted">no tier</span>)" : "<ul class=\"copies\">" + out + "</ul>";
}

std::string component_row(const Status& status, std::size_t index) {
    const auto& each = status.components[index];
    const bool nothing =
        each.stored == 0 && (!each.last_ok || !each.last_good); // there is nothing to measure
    const auto freeze = sparkline(
        "freeze", each.history,
        [](const auto& point) { return static_cast<double>(point.freeze_milliseconds); },
        [](double value) { return duration_text(static_cast<std::int64_t>(value)); });
    const auto stored = sparkline(
        "stored size", each.history, [](const auto& point) { return static_cast<double>(point.stored); },
        [](double value) { return size_text(static_cast<std::uint64_t>(value)); });
    return fmt::format(
        R"(<tr id="c{}"{}>{}<td data-label="Last good"><div>{}</div></td><td data-label="Proof"><div>{}</div></td>)"
        R"(<td data-label="Freeze" class="figure"><div>{}<b>{}</b></div></td>)"
        R"(<td data-label="Stored" class="figure"><div>{}<b>{}</b>{}</div></td><td data-label="Copies"><div>{}</div></td></tr>)",
        index, each.last_ok ? "" : " class=\"failed\"", name_cell(each), good_cell(each, status.now),
        proof_cell(each, status.now), freeze,
        nothing                         ? "–"
        : each.freeze_milliseconds == 0 ? "none"
                                        : duration_text(each.freeze_milliseconds),
        stored, nothing ? "–" : size_text(each.stored), nothing ? "" : small(count_text(each.files, "file")),
        copies_cell(status, each));
}

std::string full_text(const TierStatus& each) {
    if (!each.days_until_full)
        return {};
    const double days = *each.days_until_full;
    if (days > 730)
        return "full in more than 2 years";
    if (days < 1)
        return "full within a day";
    return "full in about " + count_text(static_cast<std::uint64_t>(days), "day");
}

std::string tier_item(const TierStatus& each, Time now) {
    const double whole = static_cast<double>(each.stored) + static_cast<double>(each.free_bytes);
    const auto part = whole > 0 ? static_cast<double>(each.stored) / whole : 0;
    std::string out = fmt::format(
        R"(<li{}><p class="title">{}<b><bdi>{}</bdi></b></p>)", each.ok ? "" : " class=\"failed\"",
        icon(each.ok ? Icon::good : Icon::bad, each.ok ? "good" : "failed"), html(each.name));
    if (!each.ok)
        out += fmt::format(R"(<p class="why">{}</p>)",
                           each.trouble.empty() ? "can't be used" : html(each.trouble));
    if (each.ok)
        out += gauge(fmt::format("{} of {} taken by backups", size_text(each.stored),
                                 size_text(static_cast<std::uint64_t>(whole))),
                     part);
    std::vector<std::string> said{count_text(each.backups, "backup") + ", " + size_text(each.stored)};
    if (each.ok)
        said.push_back(size_text(each.free_bytes) + " free");
    if (const auto full = full_text(each); !full.empty())
        said.push_back(full);
    if (each.newest)
        said.push_back("newest " + time_element(*each.newest, ago_text(*each.newest, now)));
    out += "<p class=\"said\">";
    for (const auto& each_said : said)
        out += "<span>" + each_said + "</span>";
    return out + "</p></li>";
}

// In fours, as gpg shows it.
std::string grouped(const std::string& fingerprint) {
    std::string out;
    for (std::size_t at = 0; at < fingerprint.size(); at += 4)
        out += (at == 0 ? "" : " ") + fingerprint.substr(at, 4);
    return out;
}

} // namespace

std::string components_part(const Status& status) {
    if (status.components.empty())
        return {};
    std::string rows;
    for (std::size_t i = 0; i < status.components.size(); ++i)
        rows += component_row(status, i) + "\n";
    return "<section class=\"wide\"><h2>Components</h2><table><thead><tr><th scope=\"col\">Component</th>"
           "<th scope=\"col\">Last good</th><th scope=\"col\">Proof</th><th scope=\"col\">Freeze</th>"
           "<th scope=\"col\">Stored</th><th scope=\"col\">Copies</th></tr></thead>\n<tbody>" +
           rows + "</tbody></table></section>";
}

std::string tiers_part(const Status& status) {
    if (status.tiers.empty())
        return {};
    std::string items;
    for (const auto& each : status.tiers)
        items += tier_item(each, status.now);
    return "<section><h2>Tiers</h2><ul class=\"items\">" + items + "</ul></section>";
}

std::string keys_part(const Status& status) {
    if (status.keys.empty())
        return {};
    std::string items;
    for (const auto& each : status.keys) {
        const auto expiry =
            !each.expires ? std::string("never expires")
                          : fmt::format("{} {}", *each.expires > status.now ? "expires" : "expired",
                                        time_element(*each.expires, ago_text(*each.expires, status.now)));
        items += fmt::format(
            R"(<li{}><p class="title">{}<b><bdi>{}</bdi></b></p>{}<p class="said"><span>{}</span></p>)"
            R"(<code>{}</code></li>)",
            each.ok ? "" : " class=\"failed\"",
            icon(each.ok ? Icon::good : Icon::bad, each.ok ? "usable" : "not usable"),
            html(each.owner.empty() ? "key" : each.owner),
            each.ok ? ""
                    : fmt::format(R"(<p class="why">{}</p>)",
                                  html(each.trouble.empty() ? "not usable" : each.trouble)),
            expiry, html(grouped(each.fingerprint)));
    }
    return "<section><h2>Keys</h2><ul class=\"items\">" + items + "</ul></section>";
}

} // namespace miraclemax::telemetry
