#include "worker/worker_containers.hpp"

#include "worker/control_socket.hpp"

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

std::string random_word() {
    std::array<unsigned char, 4> bytes{};
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
        throw Error(ExitCode::failed, "the kernel gives no random bytes");
    return fmt::format("{:02x}{:02x}{:02x}{:02x}", bytes[0], bytes[1], bytes[2], bytes[3]);
}

// podman's names: [a-zA-Z0-9][a-zA-Z0-9_.-]*
std::string container_name(const std::string& run, const std::string& component) {
    std::string name = "miraclemax-worker-" + run + "-" + component + "-" + random_word();
    for (char& c : name) {
        const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          c == '_' || c == '.' || c == '-';
        c = fine ? c : '-';
    }
    return name;
}

class StartedContainer : public WorkerProcess {
public:
    StartedContainer(podman::Engine& engine, ControlSocket socket)
        : engine_(engine), socket_(std::move(socket)) {}
    ~StartedContainer() override {
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

    stream::Descriptor connect(const std::string& name, const std::function<void()>& check,
                               Clock::time_point end) override {
        constexpr auto between_looks = std::chrono::milliseconds(500);
        auto look = Clock::now() + between_looks;
        for (;;) {
            check();
            if (auto connected = socket_.accept(std::chrono::milliseconds(100)))
                return std::move(*connected);
            const auto now = Clock::now();
            if (now >= end)
                throw Error(ExitCode::failed, name +
                                                  ": its container was started, but did not connect in time" +
                                                  last_words(engine_.logs(id_)));
            if (now >= look) {
                if (!running())
                    throw Error(
                        ExitCode::failed, name + ": its container " + autopsy(),
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
    void let_end(std::chrono::milliseconds within) noexcept override {
        try {
            for (const auto end = Clock::now() + within; Clock::now() < end && running();)
                std::this_thread::sleep_for(std::chrono::milliseconds(100));
        } catch (const std::exception&) { // it is removed by force then
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

} // namespace

WorkerContainers::WorkerContainers(podman::Engine& engine, podman::Container self, std::string act)
    : engine_(engine), self_(std::move(self)), act_(std::move(act)) {}

ContainerSpec WorkerContainers::outline(const std::string& component, const Placement& placement) const {
    return {.name = container_name(placement.run, component),
            .image = self_.image_id,
            .command = {program, "worker", "--connect", std::string(control_at) + "/" + ControlSocket::leaf},
            .labels = {{"miraclemax.worker", component},
                       {"miraclemax.instance", placement.instance},
                       {"miraclemax.run", placement.run}}};
}

std::string WorkerContainers::host_path_of(const std::string& path, const char* what) const {
    if (auto found = host_path(self_, path))
        return *found;
    throw Error(
        ExitCode::config,
        fmt::format("{} {} of the sidecar lies on none of its mounts, so no helper container can share it",
                    what, path),
        fmt::format("mount a volume or a host folder at {} (or above it) in the sidecar's compose file",
                    path));
}

std::unique_ptr<WorkerProcess> WorkerContainers::start(ContainerSpec spec, const Placement& placement) {
    // A folder of its own: no worker can answer for another.
    const fs::path control = fs::path(placement.control) / random_word();
    spec.binds.push_back(
        {.source = host_path_of(control, "the folder for control sockets"), .destination = control_at});
    check_volume(placement, "");
    auto process = std::make_unique<StartedContainer>(engine_, ControlSocket(control));
    process->start(spec);
    check_volume(placement,
                 "; podman has silently made an empty volume of that name for the worker: look at it, and "
                 "remove it (podman volume rm) if nobody else needs it");
    return process;
}

void WorkerContainers::check_volume(const Placement& placement, const char* consequence) {
    if (placement.volume.empty())
        return;
    const auto volume = engine_.volume(placement.volume);
    if (!volume)
        throw Error(ExitCode::not_found, "volume " + placement.volume + " is gone",
                    "run the " + act_ + " again");
    if (!placement.volume_created_at.empty() && volume->created_at != placement.volume_created_at)
        throw Error(ExitCode::failed,
                    fmt::format("volume {} was removed and made anew while the {} ran{}", placement.volume,
                                act_, consequence),
                    "run the " + act_ + " again");
}

} // namespace miraclemax::worker
