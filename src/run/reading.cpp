#include "run/reading.hpp"

#include "error.hpp"
#include "run/identity.hpp"
#include "run/placement.hpp"

#include <algorithm>
#include <system_error>
#include <thread>

namespace miraclemax::run {
namespace {

std::unique_ptr<worker::Launcher> launcher_for(const Context& context, const Host& host,
                                               const std::string& kind) {
    const worker::Limits limits{.silence = context.settings.worker_silence};
    if (kind == "child")
        return worker::child_launcher(context.settings.program, limits);
    return worker::container_launcher(context.engine, host.self.value(), context.settings.trusted_xattrs,
                                      limits);
}

worker::Job job_of(const Settings& settings, const Keys& keys, const PlannedComponent& planned,
                   unsigned threads, bool frozen) {
    worker::Job job{.component = planned.component.name,
                    .root = {},
                    .exclude = planned.component.exclude,
                    .trusted_xattrs = settings.trusted_xattrs,
                    .compression = settings.compression,
                    .level = settings.level,
                    .threads = threads,
                    .keyring = {},
                    .fingerprints = {},
                    .passphrase = {},
                    .frozen = frozen,
                    .aead = settings.aead,
                    .folder = {}};
    if (planned.encrypted) {
        job.keyring = keys.keyring;
        job.fingerprints = keys.fingerprints;
        job.passphrase = keys.passphrase;
    }
    return job;
}

} // namespace

Readings::Readings(const Context& context, const std::string& run, const Host& host, const Keys& keys,
                   store::Partial& partial)
    : context_(context), run_(run), host_(host), keys_(keys), partial_(partial) {}

bool Readings::any_going() const {
    return std::any_of(readings_.begin(), readings_.end(), [](const Reading& each) { return each.going(); });
}

void Readings::each(const std::function<void(Reading&)>& step) {
    {
        std::vector<std::jthread> threads;
        for (auto& reading : readings_) {
            if (!reading.going())
                continue;
            threads.emplace_back([&step, &reading] {
                try {
                    step(reading);
                } catch (const Error& error) {
                    reading.failure = error;
                } catch (const std::exception& error) {
                    reading.failure = Error(ExitCode::failed, error.what());
                }
            });
        }
    }
    for (const auto& reading : readings_)
        if (reading.failure && reading.failure->code() == ExitCode::interrupted &&
            context_.stop.stop_requested())
            throw *reading.failure;
}

void Readings::launch_one(Reading& reading) {
    const auto& source = reading.planned.component.source;
    const auto place = choose_place(context_.settings, host_, reading.planned.component);
    // podman's first mount of a volume sets its root's owner and spends the copy of the image's content, so
    // one that was never mounted is read through its path.
    const bool volume = source.kind == component::Source::Kind::volume && !source.never_mounted;
    const worker::Placement placement{.run = run_,
                                      .instance = identity(context_.settings),
                                      .volume = volume ? source.volume : "",
                                      .volume_created_at = source.created_at,
                                      .path = source.path,
                                      .local_path = place.local_path,
                                      .folder = partial_.work_folder(reading.planned.component.name).string(),
                                      .control = (context_.settings.control() / run_).string()};
    reading.planned.worker = place.kind;
    reading.job = job_of(context_.settings, keys_, reading.planned, threads_, frozen_);
    reading.worker = launcher_for(context_, host_, place.kind)->launch(reading.job, placement);
    reading.worker->wait_ready(context_.stop);
}

void Readings::launch(const std::vector<PlannedComponent>& members, bool frozen) {
    frozen_ = frozen;
    const unsigned cores = context_.settings.threads != 0 ? context_.settings.threads
                                                          : std::max(1U, std::thread::hardware_concurrency());
    threads_ = std::max<unsigned>(1, cores / static_cast<unsigned>(std::max<std::size_t>(1, members.size())));
    for (const auto& member : members)
        readings_.push_back({.planned = member,
                             .worker = nullptr,
                             .job = {},
                             .outcome = {},
                             .failure = {},
                             .began = std::chrono::system_clock::now()});
    each([this](Reading& reading) { launch_one(reading); });
}

void Readings::read(const worker::Deadline& deadline) {
    each([&](Reading& reading) {
        const auto expected = reading.planned.last ? reading.planned.last->entries.bytes : 0;
        reading.worker->go();
        reading.worker->wait_read(
            [&](const archive::Tally& tally) {
                context_.observer.progressed(reading.planned.component.name, tally, expected);
            },
            deadline, context_.stop);
    });
}

void Readings::finish() {
    each([&](Reading& reading) {
        reading.outcome = reading.worker->finish([](const archive::Tally&) {}, context_.stop);
        reading.worker.reset();
    });
}

void Readings::abandon() {
    for (auto& reading : readings_) {
        reading.worker.reset();
        partial_.drop_work_folder(reading.planned.component.name);
    }
    readings_.clear();
}

} // namespace miraclemax::run
