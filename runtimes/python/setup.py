"""What pyproject.toml has no words for: the package brings a library for the loader, which no version of Python is in."""

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext


class Wheel(bdist_wheel):
    """One wheel for all versions, also for those that `cenote` refuses, as only then it can tell the reason."""

    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


class Library(build_ext):
    """The library's file, without the tag that extension modules have."""

    def get_ext_filename(self, fullname):
        return f"{fullname.replace('.', '/')}.so"


setup(cmdclass={"bdist_wheel": Wheel, "build_ext": Library})
