import { act, screen } from "@testing-library/react";
import { describe, expect, it, test } from "vitest";
import { openApp, settle, type Opened } from "./app";

async function fill({ user }: Opened, address: string, name: string, password: string): Promise<void> {
  if (address) await user.type(screen.getByLabelText("Server address"), address);
  if (name) await user.type(screen.getByLabelText("Name"), name);
  if (password) await user.type(screen.getByLabelText("Password"), password);
  await user.click(screen.getByRole("button", { name: "Sign in" }));
  await settle();
}

describe("signing in", () => {
  it("begins with the focus in the first empty field", async () => {
    await openApp("signed-out");
    expect(screen.getByLabelText("Server address")).toHaveFocus();
  });

  it("opens the overview", async () => {
    const opened = await openApp("signed-out");
    await fill(opened, " bell.lantern.example ", "maya", "harbour");
    expect(opened.platform.calls[0]).toEqual({
      method: "signIn",
      args: [{ address: "bell.lantern.example", name: "maya", password: "harbour" }],
    });
    expect(screen.getByRole("heading", { level: 1, name: "compiler" })).toBeVisible();
  });

  test.each([
    ["", "maya", "harbour", "Server address", "Enter the address of your server"],
    ["bell.lantern.example", "", "harbour", "Name", "Enter your name"],
    ["bell.lantern.example", "maya", "", "Password", "Enter your password"],
    ["bell", "maya", "harbour", "Server address", "No server answered at this address"],
    ["bell.lantern.example", "maya", "wrong", "Password", "The name or the password is wrong"],
  ])("%j, %j, %j: the field %s says what is wrong", async (address, name, password, field, message) => {
    await fill(await openApp("signed-out"), address, name, password);
    expect(screen.getByLabelText(field)).toBeInvalid();
    expect(screen.getByLabelText(field)).toHaveAccessibleDescription(message);
  });

  it("says an error that belongs to no field above the form", async () => {
    const opened = await openApp("signed-out", (platform) => {
      platform.failures.set("signIn", { message: "The server is too busy. Try again in a minute." });
    });
    await fill(opened, "bell.lantern.example", "maya", "harbour");
    expect(screen.getByRole("alert")).toHaveTextContent("The server is too busy. Try again in a minute.");
  });

  it("keeps what was used last, and says why one was signed out", async () => {
    await openApp("signed-out", (platform) => {
      const session = {
        kind: "signed_out",
        address: "bell.lantern.example",
        name: "maya",
        reason: "The sign-in was revoked.",
      } as const;
      platform.snapshot = { ...platform.snapshot, session };
    });
    expect(screen.getByLabelText("Name")).toHaveValue("maya");
    expect(screen.getByLabelText("Password")).toHaveFocus();
    expect(screen.getByText("The sign-in was revoked.")).toBeVisible();
  });

  it("shows the password when asked", async () => {
    const { user } = await openApp("signed-out");
    await user.click(screen.getByRole("button", { name: "Show password" }));
    expect(screen.getByLabelText("Password")).toHaveAttribute("type", "text");
  });
});

describe("the keyring", () => {
  it("that is absent is said, and looked for again", async () => {
    const { user } = await openApp("signed-out");
    expect(screen.getByText("No keyring was found on this computer.")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Look again" }));
    await settle();
    expect(screen.queryByText(/No keyring/)).toBeNull();
  });

  it("that is locked is told from one that is absent", async () => {
    const { platform } = await openApp("signed-out");
    act(() => {
      platform.send({ from: "keyring", value: "locked" });
    });
    expect(screen.getByText("The keyring is locked or does not answer.")).toBeVisible();
  });
});

describe("signing out", () => {
  it("asks first", async () => {
    const { platform, user } = await openApp("running");
    await user.click(screen.getByRole("button", { name: /^Maya\s*Online/ }));
    await user.click(screen.getByRole("menuitem", { name: "Sign out" }));
    await user.click(screen.getByRole("button", { name: "Sign out" }));
    await settle();
    expect(platform.calls.map(({ method }) => method)).toContain("signOut");
    expect(screen.getByRole("heading", { name: "Sign in" })).toBeVisible();
  });
});
