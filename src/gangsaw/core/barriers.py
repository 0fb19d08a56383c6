"""Paths for which a change lands alone: what it changes there, others can hardly have been made
with in mind, so that a red check of a whole batch would more often than not be about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gangsaw.core.scopes import covers

LOCK_FILES = tuple(
    f"**/{name}"
    for name in (
        *("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock"),
        *("bun.lockb", "deno.lock", "Cargo.lock", "poetry.lock", "pdm.lock", "uv.lock"),
        *("Pipfile.lock", "pixi.lock", "conda-lock.yml", "Gemfile.lock", "composer.lock"),
        *("go.sum", "mix.lock", "pubspec.lock", "Podfile.lock", "Package.resolved"),
        *("packages.lock.json", "gradle.lockfile", "flake.lock", ".terraform.lock.hcl"),
    )
)

CI_FILES = (
    *(".github/workflows/", ".github/actions/", ".gitlab-ci.yml", ".circleci/", ".buildkite/"),
    *("Jenkinsfile", "azure-pipelines.yml", "bitbucket-pipelines.yml", ".travis.yml"),
    *(".drone.yml", ".woodpecker/", ".woodpecker.yml", ".pre-commit-config.yaml"),
)

BUILD_FILES = tuple(
    f"**/{name}"
    for name in (
        *("Makefile", "GNUmakefile", "CMakeLists.txt", "meson.build", "BUILD", "BUILD.bazel"),
        *("MODULE.bazel", "WORKSPACE", "pom.xml", "build.gradle", "build.gradle.kts"),
        *("settings.gradle", "settings.gradle.kts", "Dockerfile", "gangsaw.toml"),
    )
)

MIGRATIONS = ("**/migrations/", "**/db/migrate/", "**/alembic/versions/")

BARRIERS = (*LOCK_FILES, *CI_FILES, *BUILD_FILES, *MIGRATIONS)
"""The barriers where the settings name none. What declares dependencies (`package.json`,
`pyproject.toml`) is not among them: many changes touch it and do not mind each other."""


def barrier_paths(barriers: Sequence[str], paths: Iterable[str]) -> tuple[str, ...]:
    """Those of the changed paths for which the change lands alone."""
    return tuple(path for path in paths if covers(barriers, path))
