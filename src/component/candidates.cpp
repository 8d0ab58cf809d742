#include "component/candidates.hpp"

#include "component/bound_volume.hpp"
#include "component/choice.hpp"
#include "component/paths.hpp"

#include <algorithm>

namespace miraclemax::component {
namespace {

class Collector {
public:
    explicit Collector(const Facts& facts) : facts_(facts) {}
    Candidates run();

private:
    void add_volume(const podman::Volume& volume);
    void add_mounts(const podman::Container& container);
    void add_mount(const podman::Container& container, const MountSaying& entry);
    void add_configured(const Configured& configured);
    Candidate* find(Source::Kind kind, const std::string& key);
    Candidate& path(const std::string& path);
    // The volume whose data is exactly there, however it is reached.
    Candidate* volume_at(const std::string& path);
    void add_saying(Candidate& candidate, Saying saying, const std::string& container);

    const Facts& facts_;
    Candidates result_;
};

std::string text_of(const Choice& choice, const std::string& word) {
    if (word != "exclude") {
        const auto* const value = value_of(choice, word);
        return value != nullptr && *value ? "\"" + **value + "\"" : "";
    }
    std::string text;
    if (choice.exclude)
        for (const auto& pattern : *choice.exclude)
            text += (text.empty() ? "\"" : ", \"") + pattern + "\"";
    return choice.exclude && text.empty() ? "empty" : text;
}

// What a second container says of the same mount; what both say must be the same.
void merge(Candidate& candidate, Saying& first, const Saying& second) {
    for (const auto& word : choice_words()) {
        const auto one = text_of(first.choice, word);
        const auto other = text_of(second.choice, word);
        if (other.empty() || one == other)
            continue;
        if (!one.empty()) {
            candidate.conflicts.push_back({word,
                                           "miraclemax.mounts: " + first.whose + " and " + second.whose +
                                               " contradict each other about " + candidate.what() + ": " +
                                               word + " is " + one + " and " + other,
                                           "say it once, or the same twice"});
            continue;
        }
        if (word == "exclude")
            first.choice.exclude = second.choice.exclude;
        else
            *value_of(first.choice, word) = *value_of(second.choice, word);
    }
    first.faults.insert(first.faults.end(), second.faults.begin(), second.faults.end());
}

void Collector::add_volume(const podman::Volume& volume) {
    Candidate candidate{.source = {.kind = Source::Kind::volume,
                                   .path = data_path(volume),
                                   .volume = volume.name,
                                   .driver = volume.driver,
                                   .created_at = volume.created_at,
                                   .labels = volume.labels,
                                   .options = volume.options},
                        .anonymous = volume.anonymous};
    auto saying = saying_of(volume);
    if (!saying.silent())
        candidate.sayings.push_back(std::move(saying));
    for (auto& warning : stray_labels(volume))
        result_.warnings.push_back(std::move(warning));
    result_.all.push_back(std::move(candidate));
}

Candidate* Collector::find(Source::Kind kind, const std::string& key) {
    const auto found = std::find_if(result_.all.begin(), result_.all.end(), [&](const Candidate& each) {
        return each.source.kind == kind &&
               (kind == Source::Kind::volume ? each.source.volume : each.source.path) == key;
    });
    return found == result_.all.end() ? nullptr : &*found;
}

Candidate& Collector::path(const std::string& path) {
    if (auto* const found = find(Source::Kind::path, path))
        return *found;
    result_.all.push_back({.source = {.kind = Source::Kind::path, .path = path}});
    return result_.all.back();
}

Candidate* Collector::volume_at(const std::string& path) {
    for (const auto& volume : facts_.volumes)
        if (data_path(volume) == path || normalised(volume.mountpoint) == path)
            return find(Source::Kind::volume, volume.name);
    return nullptr;
}

void Collector::add_saying(Candidate& candidate, Saying saying, const std::string& container) {
    for (auto& each : candidate.sayings)
        if (each.from == saying.from) {
            merge(candidate, each, saying);
            each.whose += ", " + container;
            return;
        }
    const auto place = std::find_if(candidate.sayings.begin(), candidate.sayings.end(),
                                    [&](const Saying& each) { return each.from > saying.from; });
    candidate.sayings.insert(place, std::move(saying));
}

void Collector::add_mount(const podman::Container& container, const MountSaying& entry) {
    const auto mount =
        std::find_if(container.mounts.begin(), container.mounts.end(), [&](const podman::Mount& each) {
            return normalised(each.destination) == entry.destination;
        });
    const auto name = entry.saying.choice.component.value_or(container.name);
    const auto label = "label miraclemax.mounts of container " + container.name;
    if (mount == container.mounts.end()) {
        std::string there;
        for (const auto& each : container.mounts)
            there += (there.empty() ? "" : ", ") + each.destination;
        result_.problems.push_back(
            {name, label + ": " + entry.destination + " is no mount of it",
             there.empty() ? "the container has no mounts" : "its mounts are " + there});
        return;
    }
    Candidate* candidate = nullptr;
    if (mount->type == "volume")
        candidate = find(Source::Kind::volume, mount->name);
    else if (mount->type == "bind" && mount->source.starts_with('/')) {
        candidate = volume_at(normalised(mount->source));
        if (candidate == nullptr)
            candidate = &path(normalised(mount->source));
    }
    if (candidate == nullptr) {
        result_.problems.push_back(
            {name,
             label + ": " + entry.destination + " is a mount of type " + mount->type +
                 " that can't be backed up" +
                 (mount->name.empty() ? "" : " (podman knows no volume " + mount->name + ")"),
             "name a volume or a bind mount"});
        return;
    }
    add_saying(*candidate, entry.saying, container.name);
}

void Collector::add_mounts(const podman::Container& container) {
    for (auto& warning : stray_labels(container))
        result_.warnings.push_back(std::move(warning));
    const auto label = mounts_label(container);
    for (const auto& fault : label.faults)
        result_.problems.push_back({container.name, fault.what, fault.remedy});
    for (const auto& entry : label.entries)
        add_mount(container, entry);
}

void Collector::add_configured(const Configured& configured) {
    auto saying = saying_of(configured);
    const bool wanted = configured.choice.backup != "false" && configured.choice.backup != "False";
    Candidate* candidate = nullptr;
    if (configured.volume.empty()) {
        if (!configured.path.starts_with('/')) {
            result_.problems.push_back({saying.choice.component.value_or(configured.path),
                                        configured.where + ": path is \"" + configured.path + "\"",
                                        "use an absolute path of the host"});
            return;
        }
        candidate = &path(normalised(configured.path));
    } else {
        candidate = find(Source::Kind::volume, configured.volume);
    }
    if (candidate == nullptr) {
        if (wanted)
            result_.problems.push_back({saying.choice.component.value_or(configured.volume),
                                        configured.where + ": podman has no volume " + configured.volume,
                                        "correct the name (podman volume ls), or leave the entry out"});
        return;
    }
    if (!candidate->sayings.empty() && candidate->sayings.front().from == Saying::From::configuration) {
        candidate->conflicts.push_back({"", configured.where + ": " + candidate->what() + " is listed twice",
                                        "keep one of the entries"});
        return;
    }
    candidate->sayings.insert(candidate->sayings.begin(), std::move(saying));
}

Candidates Collector::run() {
    for (const auto& volume : facts_.volumes)
        add_volume(volume);
    for (const auto& container : facts_.containers) {
        if (is_worker(container, facts_.containers, facts_.self_id))
            continue;
        if (facts_.self_id && container.id == *facts_.self_id) {
            if (container.labels.contains("miraclemax.mounts"))
                result_.warnings.push_back(
                    "label miraclemax.mounts of the sidecar's own container is ignored");
            continue;
        }
        add_mounts(container);
    }
    for (const auto& configured : facts_.configured)
        add_configured(configured);
    return std::move(result_);
}

} // namespace

std::string Candidate::what() const {
    return source.kind == Source::Kind::volume ? "volume " + source.volume : "path " + source.path;
}

std::string Candidate::name() const {
    for (const auto& saying : sayings)
        if (saying.choice.component)
            return *saying.choice.component;
    if (source.kind == Source::Kind::volume)
        return source.volume;
    const auto last = last_part(source.path);
    return last.empty() ? source.path : last;
}

Candidates collect(const Facts& facts) {
    return Collector(facts).run();
}

} // namespace miraclemax::component
