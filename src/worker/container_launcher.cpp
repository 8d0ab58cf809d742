// Workers as helper containers from the sidecar's own image.
#include "worker/control_socket.hpp"
#include "worker/remote_worker.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <thread>

#include <fmt/format.h>
#include <sys/random.h>

namespace miraclemax::worker {

namespace {

namespace fs = std::filesystem;
using podman::ContainerSpec;

constexpr const char* program = "/usr/bin/miraclemax"; // in the image: containerfiles/Containerfile
constexpr const char* control_at = "/control";
constexpr const char* output_at = "/out";
constexpr const char* data_at = "/data";

std::string random_word() {
    std::array<unsigned char, 4> bytes{};
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
        throw Error(ExitCode::failed, "the kernel gives no random bytes");
    return fmt::format("{:02x}{:02x}{:02x}{:02x}", bytes[0], bytes[1], bytes[2], bytes[3]);
}

// podman's names: [a-zA-Z0-9][a-zA-Z0-9_.-]*
std::string container_name(const std::string& run, const std::string& component, const std::string& word) {
    std::string name = "miraclemax-worker-" + run + "-" + component + "-" + word;
    for (char& c : name) {
        const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          c == '_' || c == '.' || c == '-';
        c = fine ? c : '-';
    }
    return name;
}

std::string host_path_of(const podman::Container& self, const std::string& path, const char* what) {
    if (auto found = host_path(self, path))
        return *found;
    throw Error(
        ExitCode::config,
        fmt::format("{} {} of the sidecar lies on none of its mounts, so no helper container can share it",
                    what, path),
        fmt::format("mount a volume or a host folder at {} (or above it) in the sidecar's compose file",
                    path));
}

class ContainerWorker : public RemoteWorker {
public:
    ContainerWorker(podman::Engine& engine, Job job, ControlSocket socket, Limits limits)
        : RemoteWorker({.job = std::move(job), .home = {}}, limits), engine_(engine),
          socket_(std::move(socket)) {}
    ~ContainerWorker() override {
        hang_up();
        // It ends by itself at this moment, and podman may fail to end what is just ending: ask again.
        for (int tries = 0; tries < 5 && !removed(); ++tries)
            std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    void start(const ContainerSpec& spec) {
        // Kept before podman answers: what a lost answer made is removed by its name.
        id_ = spec.name;
        id_ = engine_.create(spec);
        engine_.start(id_);
    }
    [[nodiscard]] std::string kind() const override { return "container"; }

protected:
    stream::Descriptor connect(const std::stop_token& stop, Clock::time_point end) override {
        constexpr auto between_looks = std::chrono::milliseconds(500);
        auto look = Clock::now() + between_looks;
        for (;;) {
            check_stop(stop);
            if (auto connected = socket_.accept(std::chrono::milliseconds(100)))
                return std::move(*connected);
            const auto now = Clock::now();
            if (now >= end)
                throw Error(ExitCode::failed, name() +
                                                  ": its container was started, but did not connect in time" +
                                                  last_words(engine_.logs(id_)));
            if (now >= look) {
                if (!running())
                    throw Error(
                        ExitCode::failed, name() + ": its container " + autopsy(),
                        "the sidecar's image must have this version of miraclemax as /usr/bin/miraclemax");
                look = now + between_looks;
            }
        }
    }
    std::string autopsy() override {
        try {
            const auto container = engine_.container(id_);
            if (!container)
                return "is gone: somebody removed it";
            return "ended (" + std::string(podman::name_of(container->state)) + ")" +
                   last_words(engine_.logs(id_));
        } catch (const Error& error) {
            return std::string("ended, and podman can't tell why: ") + error.what();
        }
    }

private:
    // What it can't remove now is found by its labels: the sidecar's patrol and the next run sweep.
    bool removed() noexcept {
        try {
            if (!id_.empty())
                engine_.remove(id_);
            return true;
        } catch (const std::exception&) {
            return false;
        }
    }
    bool running() {
        const auto container = engine_.container(id_);
        return container && container->state != podman::State::exited &&
               container->state != podman::State::stopped && container->state != podman::State::removing;
    }

    podman::Engine& engine_;
    ControlSocket socket_;
    std::string id_;
};

class ContainerLauncher : public Launcher {
public:
    ContainerLauncher(podman::Engine& engine, podman::Container self, bool trusted_xattrs, Limits limits)
        : engine_(engine), self_(std::move(self)), trusted_xattrs_(trusted_xattrs), limits_(limits) {}

    std::unique_ptr<Worker> launch(Job job, const Placement& placement) override {
        const std::string word = random_word();
        job.folder = output_at;
        job.trusted_xattrs = job.trusted_xattrs && trusted_xattrs_;
        ContainerSpec spec = outline(job.component, placement, word);
        add_data(spec, job, placement);
        spec.binds.push_back(
            {.source = host_path_of(self_, placement.folder, "the backup folder"), .destination = output_at});
        // A folder of its own: no worker can answer for another.
        const fs::path control = fs::path(placement.control) / word;
        spec.binds.push_back({.source = host_path_of(self_, control, "the folder for control sockets"),
                              .destination = control_at});
        check_volume(placement, "");
        auto worker =
            std::make_unique<ContainerWorker>(engine_, std::move(job), ControlSocket(control), limits_);
        worker->start(spec);
        check_volume(
            placement,
            "; podman has silently made an empty volume of that name for the worker: look at it, and "
            "remove it (podman volume rm) if nobody else needs it");
        return worker;
    }

private:
    ContainerSpec outline(const std::string& component, const Placement& placement,
                          const std::string& word) const {
        ContainerSpec spec{
            .name = container_name(placement.run, component, word),
            .image = self_.image_id,
            .command = {program, "worker", "--connect", std::string(control_at) + "/" + ControlSocket::leaf},
            .labels = {{"miraclemax.worker", component},
                       {"miraclemax.instance", placement.instance},
                       {"miraclemax.run", placement.run}},
            .capabilities = {"DAC_READ_SEARCH"}};
        if (trusted_xattrs_)
            spec.capabilities.emplace_back("SYS_ADMIN");
        return spec;
    }

    static void add_data(ContainerSpec& spec, Job& job, const Placement& placement) {
        job.root.clear();
        job.root = data_at;
        if (!placement.volume.empty()) {
            spec.volumes.push_back({.name = placement.volume, .destination = data_at, .read_only = true});
        } else if (!placement.path.empty()) {
            // Under its own name: a file's archive entry is called as the file is.
            job.root /= fs::path(placement.path).filename();
            spec.binds.push_back({.source = placement.path, .destination = job.root, .read_only = true});
        } else {
            throw Error(ExitCode::failed,
                        "component " + job.component + " has neither a volume nor a host path");
        }
    }

    void check_volume(const Placement& placement, const char* consequence) {
        if (placement.volume.empty())
            return;
        const auto volume = engine_.volume(placement.volume);
        if (!volume)
            throw Error(ExitCode::not_found, "volume " + placement.volume + " is gone",
                        "run the backup again");
        if (!placement.volume_created_at.empty() && volume->created_at != placement.volume_created_at)
            throw Error(ExitCode::failed,
                        fmt::format("volume {} was removed and made anew while the backup ran{}",
                                    placement.volume, consequence),
                        "run the backup again");
    }

    podman::Engine& engine_;
    podman::Container self_;
    bool trusted_xattrs_;
    Limits limits_;
};

} // namespace

std::unique_ptr<Launcher> container_launcher(podman::Engine& engine, const podman::Container& self,
                                             bool trusted_xattrs, Limits limits) {
    return std::make_unique<ContainerLauncher>(engine, self, trusted_xattrs, limits);
}

std::optional<std::string> host_path(const podman::Container& self, const std::string& path) {
    const fs::path wanted = fs::path(path).lexically_normal();
    const podman::Mount* best = nullptr;
    fs::path rest;
    for (const podman::Mount& mount : self.mounts) {
        const fs::path relative = wanted.lexically_relative(fs::path(mount.destination).lexically_normal());
        if (relative.empty() || *relative.begin() == "..")
            continue;
        if (best == nullptr || mount.destination.size() > best->destination.size()) {
            best = &mount;
            rest = relative;
        }
    }
    if (best == nullptr || best->source.empty())
        return std::nullopt;
    std::string found = rest == "." ? best->source : (fs::path(best->source) / rest).string();
    while (found.size() > 1 && found.back() == '/')
        found.pop_back();
    return found;
}

std::vector<std::string> sweep_workers(podman::Engine& engine, const std::string& instance,
                                       const std::function<bool(const std::string& run)>& alive) {
    std::vector<std::string> removed;
    std::optional<Error> failure;
    for (const podman::Container& container : engine.containers_labelled("miraclemax.instance=" + instance)) {
        const auto run = container.labels.find("miraclemax.run");
        if (container.labels.count("miraclemax.worker") == 0 || run == container.labels.end() ||
            alive(run->second))
            continue;
        try {
            engine.remove(container.id);
            removed.push_back(container.name);
        } catch (const Error& error) {
            failure = error; // the others are swept all the same
        }
    }
    if (failure)
        throw *failure;
    return removed;
}

} // namespace miraclemax::worker
