package emulator

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"google.golang.org/api/storage/v1"
)

// objectState is an object as it is journalled.
type objectState struct {
	Meta storage.Object `json:"meta"`
	Data []byte         `json:"data,omitempty"`
}

func noSuchObject(bucket, object string) error {
	return storageRefusal(404, "notFound", "No such object: %s/%s", bucket, object)
}

// existingObject gives the object that the path names, when the caller has the permission on the bucket.
func (c *call) existingObject(permission string) (objectState, error) {
	b, err := c.needBucket(permission)
	if err != nil {
		return objectState{}, err
	}
	o, ok := c.e.storage.objects.get(b.Meta.Name + "/" + c.v("object"))
	if !ok {
		return o, noSuchObject(b.Meta.Name, c.v("object"))
	}
	return o, c.generationMatches(o.Meta.Generation)
}

// generationMatches checks ifGenerationMatch and ifGenerationNotMatch; have is 0 for an object that isn't there.
func (c *call) generationMatches(have int64) error {
	text := strconv.FormatInt(have, 10)
	if want := c.query.Get("ifGenerationMatch"); want != "" && want != text {
		return conditionNotMet(stalePolicy)
	}
	if not := c.query.Get("ifGenerationNotMatch"); not != "" && not == text {
		return conditionNotMet(stalePolicy)
	}
	return nil
}

func (c *call) getObject() (any, error) {
	o, err := c.existingObject("storage.objects.get")
	if err != nil {
		return nil, err
	}
	if c.query.Get("alt") == "media" {
		return c.media(o), nil
	}
	b, _ := c.e.storage.buckets.get(o.Meta.Bucket)
	return c.shown(b, o.Meta), nil
}

func (c *call) download() (any, error) {
	o, err := c.existingObject("storage.objects.get")
	if err != nil {
		return nil, err
	}
	return c.media(o), nil
}

// media is the object's bytes, or the range of them that was asked for.
func (c *call) media(o objectState) answer {
	h := http.Header{
		"Content-Type":                   {orElse(o.Meta.ContentType, "application/octet-stream")},
		"Etag":                           {o.Meta.Etag},
		"X-Goog-Generation":              {strconv.FormatInt(o.Meta.Generation, 10)},
		"X-Goog-Metageneration":          {strconv.FormatInt(o.Meta.Metageneration, 10)},
		"X-Goog-Hash":                    {"crc32c=" + o.Meta.Crc32c, "md5=" + o.Meta.Md5Hash},
		"X-Goog-Storage-Class":           {o.Meta.StorageClass},
		"X-Goog-Stored-Content-Length":   {strconv.Itoa(len(o.Data))},
		"X-Goog-Stored-Content-Encoding": {"identity"},
		"Accept-Ranges":                  {"bytes"},
	}
	size := len(o.Data)
	var from, to int
	switch n, _ := fmt.Sscanf(c.Header.Get("Range"), "bytes=%d-%d", &from, &to); {
	case n == 1:
		to = size - 1
		fallthrough
	case n == 2 && from <= to:
		if from < 0 || from >= size {
			return answer{Status: http.StatusRequestedRangeNotSatisfiable, Header: h}
		}
		to = min(to, size-1)
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, size))
		return answer{Status: http.StatusPartialContent, Header: h, Body: o.Data[from : to+1]}
	}
	return answer{Status: http.StatusOK, Header: h, Body: o.Data}
}

// xmlObject is a read by the XML API, which Go's storage client uses unless it is told otherwise.
func (c *call) xmlObject() (any, error) {
	o, err := c.existingObject("storage.objects.get")
	if err == nil {
		return c.media(o), nil
	}
	var g *gerr
	if !errors.As(err, &g) {
		return nil, err
	}
	code := map[int]string{403: "AccessDenied", 404: "NoSuchKey", 412: "PreconditionFailed"}[g.HTTP]
	if _, ok := c.e.storage.buckets.get(c.v("bucket")); !ok {
		code = "NoSuchBucket"
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "<?xml version='1.0' encoding='UTF-8'?><Error><Code>%s</Code><Message>%s</Message></Error>", code, xmlEscape.Replace(g.Message))
	return answer{Status: g.HTTP, Header: http.Header{"Content-Type": {"application/xml; charset=UTF-8"}}, Body: text.Bytes()}, nil
}

var xmlEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func (c *call) deleteObject() (any, error) {
	o, err := c.existingObject("storage.objects.delete")
	if err != nil {
		return nil, err
	}
	b, _ := c.e.storage.buckets.get(o.Meta.Bucket)
	if err := c.keeps(b, o); err != nil {
		return nil, err
	}
	c.e.storage.objects.delete(o.Meta.Bucket + "/" + o.Meta.Name)
	c.softDelete(o)
	return emptyAnswer(), nil
}

func (c *call) listObjects() (any, error) {
	b, err := c.needBucket("storage.objects.list")
	if err != nil {
		return nil, err
	}
	if c.query.Get("softDeleted") == "true" {
		return c.softDeleted(b), nil
	}
	most := 1000
	if m, err := strconv.Atoi(c.query.Get("maxResults")); err == nil && m > 0 {
		most = min(m, most)
	}
	delimiter, prefix := c.query.Get("delimiter"), c.query.Get("prefix")
	out := &storage.Objects{Kind: "storage#objects"}
	seen := map[string]bool{}
	for _, key := range c.e.storage.objects.keys(b.Meta.Name + "/" + prefix) {
		name := strings.TrimPrefix(key, b.Meta.Name+"/")
		if name <= c.query.Get("pageToken") && c.query.Get("pageToken") != "" {
			continue
		}
		if len(out.Items)+len(out.Prefixes) == most {
			break
		}
		if delimiter != "" {
			if i := strings.Index(name[len(prefix):], delimiter); i >= 0 {
				if p := name[:len(prefix)+i+len(delimiter)]; !seen[p] {
					seen[p] = true
					out.Prefixes = append(out.Prefixes, p)
				}
				out.NextPageToken = name
				continue
			}
		}
		o, _ := c.e.storage.objects.get(key)
		out.Items = append(out.Items, c.shown(b, o.Meta))
		out.NextPageToken = name
	}
	if len(out.Items)+len(out.Prefixes) < most {
		out.NextPageToken = ""
	}
	return out, nil
}

// insertObject takes the bytes with the request (media), after the metadata in the same request (multipart), or
// begins an upload in pieces (resumable).
func (c *call) insertObject() (any, error) {
	if c.query.Has("upload_id") {
		return c.continueUpload() // Go's client posts the pieces, others put them
	}
	var meta storage.Object
	var data []byte
	switch kind := c.query.Get("uploadType"); kind {
	case "media":
		meta.ContentType, data = c.Header.Get("Content-Type"), c.body
	case "multipart":
		var err error
		if meta, data, err = c.multipart(); err != nil {
			return nil, err
		}
	case "resumable", "":
		if err := c.read(&meta); err != nil {
			return nil, err
		}
	default:
		return nil, storageRefusal(400, "invalid", "Invalid upload type: %s", kind)
	}
	if n := c.query.Get("name"); n != "" {
		meta.Name = n
	}
	b, err := c.mayWrite(meta.Name)
	if err != nil {
		return nil, err
	}
	meta.Bucket = b.Meta.Name
	if c.query.Get("uploadType") == "resumable" {
		return c.beginUpload(meta)
	}
	return c.store(meta, data), nil
}

// mayWrite checks that the caller may make, or replace, the object.
func (c *call) mayWrite(name string) (bucketState, error) {
	b, err := c.needBucket("storage.objects.create")
	if err != nil {
		return b, err
	}
	if name == "" || len(name) > 1024 || strings.ContainsAny(name, "\r\n") {
		return b, storageRefusal(400, "invalid", "Invalid object name: '%s'", name)
	}
	old, exists := c.e.storage.objects.get(b.Meta.Name + "/" + name)
	if err := c.generationMatches(old.Meta.Generation); err != nil {
		return b, err
	}
	if exists {
		if err := c.require(bucketResource(b.Meta.Name), "storage.objects.delete"); err != nil {
			return b, err
		}
		return b, c.keeps(b, old)
	}
	return b, nil
}

// boundary of a multipart body; gcloud puts it in single quotes, which is against the rules and works at Google.
var boundary = regexp.MustCompile(`^multipart/related;.*boundary=["']?([^"';]+)`)

func (c *call) multipart() (storage.Object, []byte, error) {
	var meta storage.Object
	bad := storageRefusal(400, "badContent", "Invalid multipart request with 0 mime parts.")
	m := boundary.FindStringSubmatch(c.Header.Get("Content-Type"))
	if m == nil {
		return meta, nil, bad
	}
	r := multipart.NewReader(bytes.NewReader(c.body), m[1])
	first, err := r.NextPart()
	if err != nil {
		return meta, nil, bad
	}
	raw, err := io.ReadAll(first)
	if err != nil {
		return meta, nil, bad
	}
	if err := decodeStrict(raw, &meta); err != nil {
		return meta, nil, err
	}
	second, err := r.NextPart()
	if err != nil {
		return meta, nil, bad
	}
	data, err := io.ReadAll(second)
	if err != nil {
		return meta, nil, bad
	}
	if meta.ContentType == "" {
		meta.ContentType = second.Header.Get("Content-Type")
	}
	return meta, data, nil
}

// store makes the object's new generation.
func (c *call) store(m storage.Object, data []byte) *storage.Object {
	key := m.Bucket + "/" + m.Name
	old, _ := c.e.storage.objects.get(key)
	sum := md5.Sum(data)
	crc := binary.BigEndian.AppendUint32(nil, crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
	now := c.now.Format(milliseconds)
	m.Kind, m.Metageneration = "storage#object", 1
	m.Generation = max(c.now.UnixMicro(), old.Meta.Generation+1)
	m.Id = fmt.Sprintf("%s/%d", key, m.Generation)
	m.SelfLink = fmt.Sprintf("https://www.googleapis.com/storage/v1/b/%s/o/%s", m.Bucket, url.PathEscape(m.Name))
	m.MediaLink = fmt.Sprintf("https://storage.googleapis.com/download/storage/v1/b/%s/o/%s?generation=%d&alt=media", m.Bucket, url.PathEscape(m.Name), m.Generation)
	m.Size, m.Md5Hash, m.Crc32c = uint64(len(data)), base64.StdEncoding.EncodeToString(sum[:]), base64.StdEncoding.EncodeToString(crc)
	m.Etag = storageEtag(m.Generation)
	m.TimeCreated, m.Updated, m.TimeStorageClassUpdated, m.TimeFinalized = now, now, now, now
	m.StorageClass = orElse(m.StorageClass, "STANDARD")
	b, _ := c.e.storage.buckets.get(m.Bucket)
	m.EventBasedHold = m.EventBasedHold || b.Meta.DefaultEventBasedHold
	c.e.storage.objects.put(key, objectState{Meta: m, Data: data})
	c.softDelete(old)
	return c.shown(b, m)
}

func (c *call) beginUpload(meta storage.Object) (any, error) {
	id := "AE" + c.e.id(38)
	if meta.ContentType == "" {
		meta.ContentType = c.Header.Get("X-Upload-Content-Type")
	}
	c.e.storage.uploads.put(id, uploadState{Bucket: meta.Bucket, Meta: meta})
	q := url.Values{"uploadType": {"resumable"}, "upload_id": {id}}
	at := "https://" + c.host
	if asked, _, _ := strings.Cut(c.Request.Host, ":"); asked != c.host {
		at = "http://" + c.Request.Host + "/_/" + c.host // the caller knows this address only
	}
	c.header.Set("Location", at+c.URL.EscapedPath()+"?"+q.Encode())
	c.header.Set("X-Guploader-Uploadid", id)
	return answer{Status: http.StatusOK}, nil
}

// continueUpload takes the next piece: "bytes 0-99/100", "bytes 0-99/*" when more follows, "bytes */100" to ask how far it is.
func (c *call) continueUpload() (any, error) {
	id := c.query.Get("upload_id")
	u, ok := c.e.storage.uploads.get(id)
	if !ok || u.Bucket != c.v("bucket") {
		return nil, storageRefusal(404, "notFound", "Upload session not found.")
	}
	if _, err := c.mayWrite(u.Meta.Name); err != nil {
		return nil, err
	}
	total := -1
	if r := c.Header.Get("Content-Range"); r != "" {
		span, whole, _ := strings.Cut(strings.TrimPrefix(r, "bytes "), "/")
		if n, err := strconv.Atoi(whole); err == nil {
			total = n
		}
		var from, to int
		if n, _ := fmt.Sscanf(span, "%d-%d", &from, &to); n == 2 && from > len(u.Data) {
			return nil, storageRefusal(400, "invalid", "The piece begins after what was received.")
		} else if n == 2 {
			u.Data = append(bytes.Clone(u.Data[:from]), c.body...)
		} else if span != "*" {
			u.Data = append(bytes.Clone(u.Data), c.body...)
		}
	} else {
		u.Data = append(bytes.Clone(u.Data), c.body...)
		total = len(u.Data)
	}
	if total < 0 || len(u.Data) < total {
		c.e.storage.uploads.put(id, u)
		h := http.Header{}
		if len(u.Data) > 0 {
			h.Set("Range", fmt.Sprintf("bytes=0-%d", len(u.Data)-1))
		}
		if c.Header.Get("X-GUploader-No-308") == "yes" {
			h.Set("X-Http-Status-Code-Override", "308")
			return answer{Status: http.StatusOK, Header: h}, nil
		}
		return answer{Status: http.StatusPermanentRedirect, Header: h}, nil
	}
	c.e.storage.uploads.delete(id)
	return c.store(u.Meta, u.Data), nil
}
