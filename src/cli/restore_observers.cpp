#include "cli/restore_report.hpp"

#include "cli/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ostream>

namespace miraclemax::cli {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

class RestoreLines : public run::RestoreObserver {
public:
    explicit RestoreLines(std::ostream& out) : out_(out) {}
    void examining(const std::string&, std::uint64_t, std::uint64_t) override {}
    void unpacking(const run::RestoreItem&, const archive::Unpacked&) override {}
    void unpacked(const run::RestoreItem& item, const archive::Unpacked& all) override {
        say(fmt::format("{}: {} read and compared, {}", item.record.name, plural(all.entries, "entry"),
                        bytes_text(all.bytes)));
    }
    void stopping(const std::string& group, const std::vector<std::string>& containers) override {
        if (!containers.empty())
            say(group + ": stopping " + join(containers));
    }
    void started(const std::string& group, const quiesce::FreezeReport& report) override {
        if (!report.containers.empty())
            say(fmt::format("{}: started again after {}", group, time_text(report.time)));
    }
    void health(const run::Health& health) override {
        say(fmt::format("{} is {}", health.container, health.what));
        if (!health.good && !health.last_log.empty())
            out_ << safe(health.last_log) << '\n' << std::flush;
    }

protected:
    virtual void say(const std::string& text) { out_ << line(text) << std::flush; }
    std::ostream& out() { return out_; }

private:
    std::ostream& out_;
};

// One bar at a time: components are unpacked one after the other.
class RestoreBars : public RestoreLines {
public:
    RestoreBars(std::ostream& out, std::function<bool()> takes_more)
        : RestoreLines(out), takes_more_(std::move(takes_more)) {}
    void examining(const std::string& id, std::uint64_t bytes, std::uint64_t of) override {
        draw("proving " + id, bytes, of);
        if (bytes >= of)
            clear();
    }
    void unpacking(const run::RestoreItem& item, const archive::Unpacked& so_far) override {
        draw(item.record.name, so_far.bytes, item.record.entries.bytes);
    }

protected:
    void say(const std::string& text) override {
        clear();
        RestoreLines::say(text);
    }

private:
    void draw(const std::string& name, std::uint64_t bytes, std::uint64_t of) {
        if (Clock::now() - drawn_ < std::chrono::milliseconds(100) || !takes_more_())
            return;
        drawn_ = Clock::now();
        constexpr std::uint64_t width = 30;
        const auto full = of == 0 ? 0 : std::min(width, bytes * width / of);
        out() << fmt::format("\r\x1b[2K{:<24.24} [{}{}] {:>10} of {}", safe(name), std::string(full, '#'),
                             std::string(width - full, ' '), bytes_text(bytes), bytes_text(of))
              << std::flush;
        shown_ = true;
    }
    void clear() {
        if (shown_)
            out() << "\r\x1b[2K" << std::flush;
        shown_ = false;
    }

    std::function<bool()> takes_more_;
    Clock::time_point drawn_{};
    bool shown_ = false;
};

class RestoreEvents : public run::RestoreObserver {
public:
    explicit RestoreEvents(std::ostream& out) : out_(out) {}
    void examining(const std::string&, std::uint64_t, std::uint64_t) override {}
    void unpacking(const run::RestoreItem&, const archive::Unpacked&) override {}
    void unpacked(const run::RestoreItem& item, const archive::Unpacked& all) override {
        tell({{"event", "unpacked"},
              {"component", item.record.name},
              {"entries", all.entries},
              {"bytes", all.bytes}});
    }
    void stopping(const std::string& group, const std::vector<std::string>& containers) override {
        tell({{"event", "stopping"}, {"group", group}, {"containers", containers}});
    }
    void started(const std::string& group, const quiesce::FreezeReport& report) override {
        tell({{"event", "started"}, {"group", group}, {"milliseconds", report.time.count()}});
    }
    void health(const run::Health& health) override {
        tell({{"event", "health"},
              {"container", health.container},
              {"ok", health.good},
              {"what", health.what},
              {"last_log", health.last_log}});
    }

private:
    void tell(const json& event) {
        out_ << event.dump(-1, ' ', false, json::error_handler_t::replace) << '\n' << std::flush;
    }
    std::ostream& out_;
};

} // namespace

std::unique_ptr<run::RestoreObserver> follow_restore(Form form, std::ostream& out,
                                                     std::function<bool()> takes_more) {
    switch (form) {
    case Form::bars:
        return std::make_unique<RestoreBars>(out, std::move(takes_more));
    case Form::json:
        return std::make_unique<RestoreEvents>(out);
    case Form::lines:
        break;
    }
    return std::make_unique<RestoreLines>(out);
}

} // namespace miraclemax::cli
