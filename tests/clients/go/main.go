// golang.org/x/oauth2, which is not told how the client authenticates: it tries the header first and
// then the form. What it and the test tell each other is described in the module of Node.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/url"
	"os"
	"strings"

	"golang.org/x/oauth2"
)

var lines = bufio.NewReader(os.Stdin)

func line(into any) {
	text, err := lines.ReadBytes('\n')
	must(err)
	must(json.Unmarshal(text, into))
}

func say(message map[string]any) {
	text, err := json.Marshal(message)
	must(err)
	fmt.Println(string(text))
}

func granted(grant string, token *oauth2.Token) {
	say(map[string]any{"step": "granted", "grant": grant, "answer": map[string]any{
		"access_token":  token.AccessToken,
		"token_type":    token.TokenType,
		"refresh_token": token.RefreshToken,
		"expires_in":    token.ExpiresIn,
		"scope":         token.Extra("scope"),
	}})
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	var settings struct {
		Issuer       string `json:"issuer"`
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
		RedirectURI  string `json:"redirect_uri"`
		Scope        string `json:"scope"`
		Device       bool   `json:"device"`
	}
	line(&settings)
	client := oauth2.Config{
		ClientID:     settings.ClientID,
		ClientSecret: settings.ClientSecret,
		RedirectURL:  settings.RedirectURI,
		Scopes:       strings.Split(settings.Scope, " "),
		Endpoint: oauth2.Endpoint{
			AuthURL:       settings.Issuer + "/oauth2/authorize",
			DeviceAuthURL: settings.Issuer + "/oauth2/device_authorization",
			TokenURL:      settings.Issuer + "/oauth2/token",
		},
	}
	ctx := context.Background()

	verifier := oauth2.GenerateVerifier()
	say(map[string]any{"step": "open", "address": client.AuthCodeURL("of this sign-in", oauth2.S256ChallengeOption(verifier))})
	var address string
	line(&address)
	back, err := url.Parse(address)
	must(err)
	first, err := client.Exchange(ctx, back.Query().Get("code"), oauth2.VerifierOption(verifier))
	must(err)
	granted("authorization_code", first)

	refresh := func(token string) (*oauth2.Token, error) {
		return client.TokenSource(ctx, &oauth2.Token{RefreshToken: token}).Token()
	}
	second, err := refresh(first.RefreshToken)
	must(err)
	granted("refresh_token", second)

	// The library revokes nothing; a refresh token that is none is refused by its word.
	_, err = refresh("made-up")
	var refusal *oauth2.RetrieveError
	if !errors.As(err, &refusal) {
		log.Fatal("a made-up refresh token: ", err)
	}
	say(map[string]any{"step": "refused", "grant": "refresh_token", "error": refusal.ErrorCode})

	if settings.Device {
		codes, err := client.DeviceAuth(ctx)
		must(err)
		say(map[string]any{"step": "show_codes", "codes": codes})
		var approved bool
		line(&approved)
		token, err := client.DeviceAccessToken(ctx, codes)
		must(err)
		granted("device_code", token)
	}
}
