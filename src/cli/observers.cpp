#include "cli/observers.hpp"

#include "cli/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <map>
#include <mutex>
#include <ostream>

namespace miraclemax::cli {
namespace {

using Clock = std::chrono::steady_clock;

std::string frozen_text(const std::string& group, const quiesce::FreezeReport& report) {
    if (report.containers.empty())
        return fmt::format("{}: nothing had to be frozen", group);
    std::string each;
    for (const auto& frozen : report.containers)
        each += fmt::format("{}{} {} {}", each.empty() ? "" : ", ", frozen.name, quiesce::name_of(frozen.how),
                            time_text(frozen.time));
    return fmt::format("{}: released after {} ({})", group, time_text(report.time), each);
}

std::string trouble_text(const catalog::Entries& entries) {
    std::string text;
    const auto add = [&](std::uint64_t count, const char* what) {
        if (count > 0)
            text += fmt::format(", {} {}", count, what);
    };
    add(entries.changed, "changed");
    add(entries.vanished, "vanished");
    add(entries.unreadable, "unreadable");
    add(entries.skipped, "skipped");
    add(entries.elsewhere, "on another file system");
    return text;
}

std::string stored_text(const catalog::ComponentRecord& record) {
    return fmt::format("{}: {}, {} read, {} stored{}{}", record.name, plural(record.entries.entries, "entry"),
                       bytes_text(record.entries.bytes), bytes_text(record.archive.file.size),
                       record.archive.encryption == "none" ? ", not encrypted" : ", encrypted",
                       trouble_text(record.entries));
}

std::string failed_text(const catalog::FailedComponent& component) {
    return fmt::format("{}: FAILED: {}{}{}", component.name, component.reason,
                       component.remedy.empty() ? "" : " (" + component.remedy + ")",
                       component.last_good.empty() ? "; no good backup of it exists"
                                                   : "; its last good backup is " + component.last_good);
}

class Lines : public run::Observer {
public:
    explicit Lines(std::ostream& out) : out_(out) {}
    void began(const std::string& id, const std::vector<std::string>& components) override {
        say("backup " + id + ": " + (components.empty() ? "no component" : join(components)));
    }
    void warned(const std::string& text) override { say("warning: " + text); }
    void freezing(const std::string& group, const std::vector<std::string>& containers) override {
        if (!containers.empty())
            say(group + ": freezing " + join(containers));
    }
    void released(const std::string& group, const quiesce::FreezeReport& report) override {
        say(frozen_text(group, report));
    }
    void progressed(const std::string&, const archive::Tally&, std::uint64_t) override {}
    void succeeded(const catalog::ComponentRecord& record) override { say(stored_text(record)); }
    void failed(const catalog::FailedComponent& component) override { say(failed_text(component)); }

protected:
    virtual void say(const std::string& text) {
        const std::lock_guard lock(mutex_);
        out_ << line(text) << std::flush;
    }
    std::mutex& mutex() { return mutex_; }
    std::ostream& out() { return out_; }

private:
    std::mutex mutex_;
    std::ostream& out_;
};

// One bar a component that is being read; finished lines scroll above them.
class Bars : public Lines {
public:
    Bars(std::ostream& out, std::function<bool()> takes_more)
        : Lines(out), takes_more_(std::move(takes_more)) {}
    void progressed(const std::string& component, const archive::Tally& tally,
                    std::uint64_t expected) override {
        const std::unique_lock lock(mutex(), std::try_to_lock);
        if (!lock || !takes_more_())
            return;
        auto& bar = bars_.try_emplace(component, Bar{.began = Clock::now()}).first->second;
        bar.bytes = tally.bytes;
        bar.expected = expected;
        if (Clock::now() - drawn_ < std::chrono::milliseconds(100))
            return;
        clear();
        draw();
    }
    void succeeded(const catalog::ComponentRecord& record) override {
        drop(record.name);
        Lines::succeeded(record);
    }
    void failed(const catalog::FailedComponent& component) override {
        drop(component.name);
        Lines::failed(component);
    }

protected:
    void say(const std::string& text) override {
        const std::lock_guard lock(mutex());
        clear();
        out() << line(text);
        draw();
    }

private:
    struct Bar {
        Clock::time_point began;
        std::uint64_t bytes = 0;
        std::uint64_t expected = 0;
    };

    void drop(const std::string& component) {
        const std::lock_guard lock(mutex());
        bars_.erase(component);
    }
    void clear() {
        for (; shown_ > 0; --shown_)
            out() << "\x1b[A\x1b[2K";
        out() << '\r';
    }
    static std::string line_of(const std::string& name, const Bar& bar) {
        const double seconds =
            std::max(0.001, std::chrono::duration<double>(Clock::now() - bar.began).count());
        const double speed = static_cast<double>(bar.bytes) / seconds;
        auto text = fmt::format("{:<20.20} {:>10} {:>10}/s", safe(name), bytes_text(bar.bytes),
                                bytes_text(static_cast<std::uint64_t>(speed)));
        if (bar.expected == 0)
            return text;
        const double part = std::min(1.0, static_cast<double>(bar.bytes) / static_cast<double>(bar.expected));
        const auto full = static_cast<std::size_t>(part * 20);
        const double left = speed > 0 ? static_cast<double>(bar.expected) * (1 - part) / speed : 0;
        return text +
               fmt::format(" [{}{}] {:3.0f} % {} left", std::string(full, '#'), std::string(20 - full, '.'),
                           part * 100,
                           time_text(std::chrono::milliseconds(static_cast<std::int64_t>(left * 1000))));
    }
    void draw() {
        for (const auto& [name, bar] : bars_) {
            out() << line_of(name, bar) << '\n';
            ++shown_;
        }
        out().flush();
        drawn_ = Clock::now();
    }

    std::function<bool()> takes_more_;
    std::map<std::string, Bar> bars_;
    std::size_t shown_ = 0;
    Clock::time_point drawn_;
};

class Events : public run::Observer {
public:
    Events(std::ostream& out, std::function<bool()> takes_more)
        : out_(out), takes_more_(std::move(takes_more)) {}
    void began(const std::string& id, const std::vector<std::string>& components) override {
        say({{"event", "began"}, {"id", id}, {"components", components}});
    }
    void warned(const std::string& text) override { say({{"event", "warning"}, {"text", text}}); }
    void freezing(const std::string& group, const std::vector<std::string>& containers) override {
        say({{"event", "freezing"}, {"group", group}, {"containers", containers}});
    }
    void released(const std::string& group, const quiesce::FreezeReport& report) override {
        auto containers = nlohmann::json::array();
        for (const auto& each : report.containers)
            containers.push_back({{"name", each.name},
                                  {"how", quiesce::name_of(each.how)},
                                  {"milliseconds", each.time.count()}});
        say({{"event", "released"},
             {"group", group},
             {"milliseconds", report.time.count()},
             {"containers", containers}});
    }
    void progressed(const std::string& component, const archive::Tally& tally,
                    std::uint64_t expected) override {
        const auto now = Clock::now();
        const std::unique_lock lock(mutex_, std::try_to_lock);
        if (!lock || !takes_more_())
            return;
        auto& last = told_[component];
        if (now - last < std::chrono::seconds(1))
            return;
        last = now;
        write({{"event", "progress"},
               {"component", component},
               {"bytes", tally.bytes},
               {"entries", tally.entries},
               {"expected", expected}});
    }
    void succeeded(const catalog::ComponentRecord& record) override {
        say({{"event", "stored"},
             {"component", record.name},
             {"path", record.archive.file.path},
             {"size", record.archive.file.size},
             {"bytes", record.entries.bytes},
             {"entries", record.entries.entries},
             {"changed", record.entries.changed},
             {"vanished", record.entries.vanished},
             {"unreadable", record.entries.unreadable},
             {"skipped", record.entries.skipped}});
    }
    void failed(const catalog::FailedComponent& component) override {
        say({{"event", "failed"},
             {"component", component.name},
             {"reason", component.reason},
             {"remedy", component.remedy},
             {"last_good", component.last_good}});
    }

private:
    void say(const nlohmann::json& event) {
        const std::lock_guard lock(mutex_);
        write(event);
    }
    void write(const nlohmann::json& event) {
        out_ << event.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << std::endl;
    }
    std::mutex mutex_;
    std::map<std::string, Clock::time_point> told_;
    std::ostream& out_;
    std::function<bool()> takes_more_;
};

} // namespace

std::unique_ptr<run::Observer> observe(Form form, std::ostream& out, std::function<bool()> takes_more) {
    switch (form) {
    case Form::bars:
        return std::make_unique<Bars>(out, std::move(takes_more));
    case Form::json:
        return std::make_unique<Events>(out, std::move(takes_more));
    case Form::lines:
        break;
    }
    return std::make_unique<Lines>(out);
}

} // namespace miraclemax::cli
