// A host on a clock of its own: its sidecar without threads, jobs that leave the records and backups that
// real ones would, and a mail box.
#pragma once

#include "catalog/manifest.hpp"
#include "catalog/proofs.hpp"
#include "catalog/run_record.hpp"
#include "fakes/fake_engine.hpp"
#include "run/context.hpp"
#include "serve/upkeep.hpp"
#include "unit/catalog/sample.hpp"
#include "unit/store/scratch.hpp"

#include <cmath>
#include <memory>

namespace miraclemax::serve::testing {

using namespace std::chrono_literals;

inline Moment utc(int year, unsigned month, unsigned day, int hour = 0, int minute = 0) {
    return std::chrono::sys_days(std::chrono::year(year) / month / day) + std::chrono::hours(hour) +
           std::chrono::minutes(minute);
}

struct PowerCut {};

class SimulatedHost {
public:
    enum class Fate { good, fails, cut, damaged, busy, dumb };
    struct Mail {
        std::string at; // UTC
        telemetry::Message message;
    };

    explicit SimulatedHost(Moment begin) : wall_(begin) {
        settings_.instance = "miraclemax";
        settings_.backups = scratch_ / "backups";
        settings_.state = scratch_ / "state";
        std::filesystem::create_directories(settings_.backups);
        std::filesystem::create_directories(settings_.state);
    }
    SimulatedHost(const SimulatedHost&) = delete;
    SimulatedHost& operator=(const SimulatedHost&) = delete;

    void plan(const std::string& job, const std::string& when) {
        plans_.jobs.push_back({.name = job, .when = Cron::parse(when)});
    }
    void copy_after_backup() {
        settings_.tiers = {{.name = "nas", .folder = "/mnt/nas"}};
        plans_.copy_after_backup = true;
    }
    void plan_copies(const std::string& when) {
        plans_.copies.push_back({.name = "replicate", .when = Cron::parse(when)});
    }
    void boot() {
        upkeep_.reset();
        sidecar_ = std::make_unique<Sidecar>(
            Sidecar{.load = [this] { return standing(); },
                    .connect = [] { return std::make_unique<fakes::FakeEngine>(); },
                    .program = {"miraclemax"},
                    .say = [this](const std::string& line) { said += line + "\n"; },
                    .last_lines = [] { return std::string("the sidecar's own line\n"); },
                    .hangups = hangups_,
                    .clock = [this] { return now(); },
                    .start = [this](const auto& argv, const auto& stop) { return job(argv, stop); },
                    .deliver =
                        [this](const auto&, const auto& message) {
                            mails.push_back({.at = run::utc_time(wall_), .message = message});
                        }});
        upkeep_ = std::make_unique<Upkeep>(*sidecar_, standing());
    }
    void off_until(Moment moment) {
        upkeep_.reset();
        steady_ = {};
        wall_ = moment;
        boot();
    }
    // The sidecar at work, with a round at each half hour.
    void live_until(Moment moment) {
        constexpr auto beat = std::chrono::seconds(30min);
        for (; wall_ <= moment; pass(beat - wall_.time_since_epoch() % beat))
            round();
        wall_ = moment;
    }
    void round(const std::stop_token& stop = {}) {
        upkeep_->plan(stop);
        upkeep_->copy(stop);
        upkeep_->tell(stop);
    }
    void tell() { upkeep_->tell({}); }
    void pass(std::chrono::seconds time) {
        wall_ += time;
        steady_ += time;
    }
    [[nodiscard]] Now now() const { return {.wall = wall_, .steady = steady_}; }

    // --- what happens to jobs ---
    Fate next_backup = Fate::good, next_verify = Fate::good, next_copy = Fate::good; // until told otherwise
    std::function<void()> before_the_last_line = [] {}; // the record is written, the process goes on
    void backup(Fate fate, const std::string& planned = "") {
        auto record = begin("backup", planned);
        records().keep(record);
        pass(75s);
        if (fate == Fate::cut)
            throw PowerCut{};
        publish(record, fate == Fate::fails);
        end(record, fate == Fate::fails ? 3 : 0);
    }
    void verify(Fate fate, const std::string& planned = "") {
        auto record = begin("verify", planned);
        pass(5min);
        catalog::Proofs proofs(settings_.proofs());
        const bool bad = fate == Fate::damaged;
        const auto at = run::utc_time(wall_);
        proofs.keep(last_id_, {.examined = at,
                               .examined_trouble = {},
                               .components = {{"grafana", {.at = at, .trouble = bad ? "cut short" : ""}}}});
        if (bad) {
            record.message = last_id_ + ": volumes/grafana.tar.gz: cut short";
            record.components.push_back({.name = "grafana", .ok = false, .reason = record.message});
        }
        end(record, bad ? 13 : 0);
    }

    void replicate(Fate fate, const std::string& planned = "") {
        auto record = begin("replicate", planned);
        records().keep(record);
        pass(1min);
        if (fate == Fate::cut)
            throw PowerCut{};
        if (fate != Fate::good)
            record.message = "nas: /mnt/nas has no mark of a tier: is it mounted there?";
        end(record, fate == Fate::good ? 0 : 9);
    }

    void remove(const std::string& id) { std::filesystem::remove_all(settings_.backups / id); }

    // --- what there is to see ---
    [[nodiscard]] std::string metric(const std::string& name) {
        const auto text = upkeep_->page("/metrics").body;
        const auto at = text.find("\nmiraclemax_" + name + " ");
        if (at == std::string::npos)
            return "";
        const auto begin = at + name.size() + 13;
        const auto value = text.substr(begin, text.find('\n', begin) - begin);
        return name.find("timestamp") == std::string::npos
                   ? value
                   : run::utc_time(Moment(std::chrono::seconds(std::llround(std::stod(value)))));
    }
    [[nodiscard]] std::vector<std::string> planned(const std::string& kind = "backup") const {
        std::vector<std::string> all;
        for (const auto& each : catalog::RunRecords(settings_.runs()).all())
            if (each.kind == kind && !each.planned.empty())
                all.push_back(each.planned + (each.ended.empty() ? " cut off" : ""));
        return all;
    }
    [[nodiscard]] std::vector<std::string> told() const {
        std::vector<std::string> all;
        for (const auto& mail : mails)
            all.push_back(mail.at + " " + mail.message.subject);
        return all;
    }
    [[nodiscard]] const std::filesystem::path& state() const { return settings_.state; }
    [[nodiscard]] const Sidecar& sidecar() const { return *sidecar_; }

    std::vector<Mail> mails;
    std::string said;
    unsigned tries = 0; // of jobs

private:
    Standing standing() {
        return {.settings = settings_,
                .plans = plans_,
                .http = std::nullopt,
                .textfile = {},
                .channels = {{.kind = telemetry::Channel::Kind::smtp,
                              .name = "mail",
                              .url = "smtp://sink",
                              .user = {},
                              .password = {},
                              .from = "b@example.org",
                              .to = "me@example.org",
                              .ca_file = {},
                              .on_digest = true}},
                .runbook = "https://runbook.example/r"};
    }
    [[nodiscard]] catalog::RunRecords records() const { return catalog::RunRecords(settings_.runs()); }

    Ended job(const std::vector<std::string>& argv, const std::stop_token& stop) {
        ++tries;
        const auto& verb = argv.at(1);
        const auto fate = verb == "backup" ? next_backup : verb == "verify" ? next_verify : next_copy;
        if (fate == Fate::dumb)
            return {.code = 2, .last_lines = {"no such option"}};
        if (fate == Fate::busy)
            return {.code = 5, .last_lines = {"busy"}};
        verb == "backup"   ? backup(fate, argv.at(3))
        : verb == "verify" ? verify(fate, argv.at(3))
                           : replicate(fate, argv.at(3));
        before_the_last_line();
        if (stop.stop_requested())
            return {.code = 12, .last_lines = {}};
        return {.code = fate == Fate::good      ? 0
                        : fate == Fate::damaged ? 13
                                                : 3,
                .last_lines = {"its last line"}};
    }

    catalog::RunRecord begin(const std::string& kind, const std::string& planned) {
        return {.run = run::new_run_name(),
                .kind = kind,
                .began = run::utc_time(wall_),
                .ended = {},
                .planned = planned,
                .id = {},
                .message = {},
                .components = {},
                .unreleased = {}};
    }
    void end(catalog::RunRecord& record, int code) {
        record.ended = run::utc_time(wall_);
        record.code = code;
        records().keep(record);
    }
    void publish(catalog::RunRecord& record, bool without_n8n) {
        auto id = record.began;
        std::erase_if(id, [](char c) { return c == '-' || c == ':' || c == 'Z'; });
        id[8] = '_';
        auto manifest = test::sample_manifest(id);
        manifest.ended_utc = run::utc_time(wall_);
        manifest.previous_id = last_id_;
        manifest.components = {test::sample_component("grafana", "volumes")};
        manifest.failed.clear();
        if (without_n8n) {
            manifest.failed.push_back(
                {.name = "n8n", .reason = "can't pause", .remedy = {}, .last_good = {}});
            record.components.push_back({.name = "n8n", .ok = false, .reason = "can't pause"});
            record.message = "n8n: can't pause";
        } else {
            manifest.components.push_back(test::sample_component());
            record.components.push_back({.name = "n8n", .reason = {}, .stored = 1234});
        }
        record.components.push_back({.name = "grafana", .reason = {}, .stored = 1234});
        test::put(settings_.backups / id / "manifest.json", catalog::to_json(manifest));
        record.id = last_id_ = id;
        record.stored = 2468;
    }

    test::Scratch scratch_;
    run::Settings settings_;
    Plans plans_{.jobs = {}, .catch_up = true, .seed = "host"};
    Moment wall_;
    std::chrono::steady_clock::time_point steady_{};
    std::atomic<unsigned> hangups_{0};
    std::string last_id_;
    std::unique_ptr<Sidecar> sidecar_;
    std::unique_ptr<Upkeep> upkeep_;
};

} // namespace miraclemax::serve::testing
