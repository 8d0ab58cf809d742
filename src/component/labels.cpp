#include "component/labels.hpp"

#include "component/choice.hpp"
#include "component/spelling.hpp"

#include <algorithm>

namespace miraclemax::component {
namespace {

const std::string prefix = "miraclemax.";

const std::vector<std::string>& container_words() {
    static const std::vector<std::string> words{"mounts", "hook.before", "hook.after", "hook.timeout",
                                                "quiesce"};
    return words;
}

bool has(const std::vector<std::string>& words, const std::string& word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

// What we put on our own containers.
bool is_ours(const std::string& word) {
    return word == "worker" || word == "instance" || word == "run";
}

std::vector<std::string> stray(const podman::Labels& labels, const std::string& whose,
                               const std::vector<std::string>& known,
                               const std::vector<std::string>& elsewhere, const std::string& remedy) {
    std::vector<std::string> warnings;
    for (auto label = labels.lower_bound(prefix); label != labels.end() && label->first.starts_with(prefix);
         ++label) {
        const auto word = label->first.substr(prefix.size());
        if (has(known, word) || is_ours(word))
            continue;
        if (has(elsewhere, word)) {
            warnings.push_back("label " + label->first + " of " + whose + " says nothing there: " + remedy);
            continue;
        }
        const auto meant = nearest(word, known);
        warnings.push_back("label " + label->first + " of " + whose + " is unknown and ignored" +
                           (meant ? "; did you mean \"" + prefix + *meant + "\"?" : ""));
    }
    return warnings;
}

} // namespace

bool Saying::silent() const {
    if (!faults.empty() || choice.exclude)
        return false;
    const auto& words = choice_words();
    return std::none_of(words.begin(), words.end(), [&](const std::string& word) {
        const auto* const value = value_of(choice, word);
        return value != nullptr && value->has_value();
    });
}

Saying saying_of(const podman::Volume& volume) {
    Saying saying{.from = Saying::From::volume, .whose = "label of volume " + volume.name};
    const std::string remedy =
        "; podman fixes a volume's labels at its creation, so for a volume that exists set it "
        "in the configuration (components: - volume: " +
        volume.name + ")";
    for (const auto& word : choice_words()) {
        const auto label = volume.labels.find(prefix + word);
        if (label == volume.labels.end())
            continue;
        const auto what =
            "label " + label->first + " of volume " + volume.name + " is \"" + label->second + "\"";
        if (word == "exclude") {
            saying.choice.exclude = patterns_from(label->second);
            if (!saying.choice.exclude)
                saying.faults.push_back(
                    {word, what, "use patterns separated by commas, or a JSON list of strings" + remedy});
        } else if (const auto wrong = remedy_for(word, label->second)) {
            saying.faults.push_back({word, what, *wrong + remedy});
        } else {
            *value_of(saying.choice, word) = label->second;
        }
    }
    return saying;
}

Saying saying_of(const Configured& configured) {
    Saying saying{.from = Saying::From::configuration, .whose = "configuration", .choice = configured.choice};
    for (const auto& word : choice_words()) {
        auto* const value = value_of(saying.choice, word);
        if (value == nullptr || !*value)
            continue;
        if (const auto wrong = remedy_for(word, **value)) {
            saying.faults.push_back(
                {word, configured.where + ": " + word + " is \"" + **value + "\"", *wrong});
            value->reset();
        }
    }
    return saying;
}

std::vector<std::string> stray_labels(const podman::Volume& volume) {
    auto warnings = stray(volume.labels, "volume " + volume.name, choice_words(), container_words(),
                          "it belongs on a container");
    const auto saying = saying_of(volume);
    if (!saying.silent() && !volume.labels.contains("miraclemax.backup"))
        warnings.push_back("volume " + volume.name + " has miraclemax labels but no miraclemax.backup: " +
                           "labels alone don't select it");
    return warnings;
}

std::vector<std::string> stray_labels(const podman::Container& container) {
    return stray(container.labels, "container " + container.name, container_words(), choice_words(),
                 "on a container, miraclemax.mounts chooses what is backed up: [{\"dest\":\"/data\"}]");
}

bool is_worker(const podman::Container& container, const std::vector<podman::Container>& all,
               const std::optional<std::string>& self_id) {
    if (!self_id || !container.labels.contains("miraclemax.worker"))
        return false;
    return std::any_of(all.begin(), all.end(), [&](const podman::Container& each) {
        return each.id == *self_id && each.image_id == container.image_id;
    });
}

} // namespace miraclemax::component
